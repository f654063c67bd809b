// Package family reads and makes families of tasks: the file format, the random
// generators, the metric between tasks, and gain files. Tasks are
// linear-quadratic, without an end or on a finite horizon ([Finite]), or models
// fitted to data ([Sets]).
//
// # Files
//
// A family file is YAML, and JSON is YAML. What is accepted is the part of
// YAML 1.2 that data needs: block and flow mappings and lists, plain and quoted
// scalars that end on their own line, comments, one document. Anchors, aliases,
// merge keys, tags, block scalars and complex keys are refused by name.
// Everything accepted means what YAML says it means; the tests check that
// against an independent YAML library.
//
// The package has its own parser because numbers must be read from their text
// in every position (1e-06, 1e5, .5, 010 is ten), because every error must
// point at its cause, and because time and memory must be of the order of the
// input whatever the input is: one pass, sixteen bytes per scalar, nesting at
// most 64 deep, no references.
//
// # Conventions
//
//	f, g     a task as it counts, and as its inner step sees it; g = f unless
//	         the task says otherwise
//	weight   positive; the meta-objective normalises the weights
//	‖·‖      the operator 2-norm, the largest singular value
//	distance ‖ΔA‖ + ‖ΔB‖ + ‖ΔQ‖ + ‖ΔR‖, the metric of Molybog & Lavaei
//	         (arXiv 2006.00453), of the matrices as the file gives them
//
// Tasks with sample_time are described, drawn and measured in continuous time;
// they are sampled afterwards, by [lqr.New].
//
// # Solving
//
// A task is one when its Riccati equation has a solution, so reading solves it: one by
// one, or by what a [Reader] is given. Either way the error is that of the first
// task of the file that has one.
package family
