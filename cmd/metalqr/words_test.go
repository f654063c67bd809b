package main

import (
	"strings"
	"testing"
)

// What is said where there is little to say: nothing found, no bound, an automatic rate
// that is far too small, one reason for two claims.
func TestWords(t *testing.T) {
	t.Chdir(t.TempDir())
	words := func(args ...string) string {
		t.Helper()
		return strings.Join(strings.Fields(succeed(t, args...).stdout), " ")
	}
	path := write(t, "two.yaml", twoGains)

	low, high := write(t, "low.csv", "0.9,0.5\n"), write(t, "high.csv", "0.90000001,0.50000001\n")
	contains(t, "an empty region", words("landscape", path, "--region", low+","+high, "--level", "50"),
		"epsilon-global: no local minimiser with h ≤ 50 is in the region, which says nothing about others",
		"ε – there is no minimiser that it could be about", "region [0.9, 0.90000001] × [0.5, 0.50000001]")
	if o := call(t, "landscape", path, "--region", low+","+low); o.exit != bad || !strings.Contains(o.stderr, "the two are equal in entry 1, 0.9") {
		t.Error(o.exit, o.stderr)
	}

	if s := words("landscape", path, "--level", "1e300", "--boxes", "1"); strings.Contains(s, "≤ 1e+300 how far") || !strings.Contains(s, "ε ≥ 0.0260643 how far") {
		t.Error(s)
	}

	gain := write(t, "gain.csv", "0.56\n")
	scalar := write(t, "scalar.yaml", "tasks: [{A: 1.1, B: 1, Q: 1, R: 1}, {A: 0.9, B: 1, Q: 1, R: 2}]\nmeta: {inner: {rate: 0.01}}\n")
	contains(t, "certify", words("certify", scalar, "--gain", gain),
		"not proved: theorem-2, proposition-1: there are several different tasks, and these theorems are about one metalqr check")

	near := "tasks: [{A: 1.1, B: 1, Q: 1, R: 1}]\nmeta: {start: [[0.11]], inner: {rate: %}}\n"
	contains(t, "train", words("train", write(t, "near.yaml", strings.ReplaceAll(near, "%", "auto"))), "times below the largest at the gain found", "Set meta.inner.rate, to ")
	if s := words("train", write(t, "near.yaml", strings.ReplaceAll(near, "%", "1e-6"))); strings.Contains(s, "note: ") {
		t.Error(s)
	}
}
