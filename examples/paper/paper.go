// Package paper carries the families behind the figures of I. Molybog, J. Lavaei,
// "Global Convergence of MAML for LQR" (arXiv 2006.00453), as the files that lie
// beside it, so that programs have them wherever they run. They are reconstructed
// from what the paper says about its figures.
package paper

import "embed"

// Families holds the family files, by name.
//
//go:embed *.yaml
var Families embed.FS
