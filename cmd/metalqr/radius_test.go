package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/run"
)

const nominalFile = "family: alike\ntasks: [{name: nominal, A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: %v}}\n"

// exits runs the program, which must end with a status and say why.
func exits(t *testing.T, want int, args ...string) {
	t.Helper()
	if o := call(t, args...); o.exit != want || o.stderr == "" {
		t.Errorf("metalqr %q: exit %d, want %d\n%s", args, o.exit, want, o.stderr)
	}
}

func TestRadius(t *testing.T) {
	path := write(t, "alike.yaml", fmt.Sprintf(nominalFile, 0.02))
	t.Chdir(t.TempDir())
	o := succeed(t, "radius", path, "--epsilon", "0.01", "--json")
	for _, key := range []string{"epsilon", "delta_proved", "delta_searched", "worst.tasks[].distance", "worst.epsilon", "reason", "verdict", "proof", "rates[]"} {
		if err := missing(o.document(t), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	var r run.Radius
	o.decode(t, &r)
	if r.Verdict != "bracketed" || r.Proof != "interval" || !(r.Proved > 0.0015 && r.Proved < r.Searched && r.Searched < 0.004) || r.Epsilon != 0.01 {
		t.Errorf("%+v", r)
	}
	text := succeed(t, "radius", path, "--epsilon", "0.01", "--out", "out")
	for name, want := range map[string]string{"δ proved": number(r.Proved), "δ searched": number(r.Searched), "ε": "0.01"} {
		if got := value(t, text.stdout, name); got != want {
			t.Errorf("%s %s, want %s", name, got, want)
		}
	}
	var want []map[string]string
	for _, x := range r.Worst.Tasks {
		want = append(want, map[string]string{"task": x.Name, "weight": number(x.Weight), "distance": number(x.Distance)})
	}
	sameRows(t, "the worst family", rows(t, text.stdout, "task|weight|distance"), want)
	for _, name := range []string{"radius.json", "certificate.json", "worst.yaml", "spec.yaml", "radius.svg", "radius.png", "radius.pdf"} {
		if _, err := os.Stat(filepath.Join("out", name)); err != nil {
			t.Error(err)
		}
	}
	data, err := os.ReadFile(filepath.Join("out", "radius.json"))
	var kept run.Radius
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil || len(kept.Curve) != 7 || kept.Proved != r.Proved || kept.Curve[4] != (run.RadiusPoint{Epsilon: r.Epsilon, Proved: r.Proved, Searched: r.Searched}) {
		t.Errorf("radius.json: %+v, %v", kept.Curve, err)
	}
	// The worst family is what it is said to be.
	var l run.Landscape
	succeed(t, "landscape", filepath.Join("out", "worst.yaml"), "--json").decode(t, &l)
	if !(l.EpsilonLow > 0.01) || !l.Spurious {
		t.Errorf("worst.yaml: %v, %v", l.EpsilonLow, l.Verdict)
	}
	// Files that exist are refused.
	exits(t, bad, "radius", path, "--epsilon", "0.01", "--out", "out")

	spurious := write(t, "spurious.yaml", fmt.Sprintf(nominalFile, 0.2))
	o = succeed(t, "radius", spurious, "--epsilon", "1e-4", "--json")
	if d := o.document(t).(map[string]any); d["delta_proved"] != nil || d["verdict"] != "none" || !strings.Contains(d["reason"].(string), "0.000172808") {
		t.Errorf("%v", d)
	}
	contains(t, "the text", succeed(t, "radius", spurious, "--epsilon", "1e-4").stdout, "none: no δ exists", "0.000172808")
}

// The file's own tasks, and the proof as a file.
func TestRadiusOfAFamily(t *testing.T) {
	const family = "family: alike\ntasks:\n  - {name: nominal, A: 1, B: 1, Q: 1, R: 1}\n  - {name: near, A: %v, B: 0.9995, Q: 1, R: 1, weight: 3}\nmeta: {inner: {rate: 0.02}}\n"
	near := write(t, "near.yaml", fmt.Sprintf(family, 1.0005))
	far := write(t, "far.yaml", fmt.Sprintf(family, 1.5))
	other := write(t, "other.yaml", strings.Replace(fmt.Sprintf(family, 1.0005), "weight: 3", "discount: 0.99", 1))
	t.Chdir(t.TempDir())
	o := succeed(t, "radius", near, "--epsilon", "0.01", "--out", "out", "--json")
	for _, key := range []string{"tasks[].name", "tasks[].distance", "largest_distance", "family_within"} {
		if err := missing(o.document(t), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	var r run.Radius
	o.decode(t, &r)
	if !r.Within || len(r.Tasks) != 2 || r.Tasks[0].Distance != 0 || math.Abs(float64(r.Tasks[1].Distance)-0.001) > 1e-15 || r.Largest != r.Tasks[1].Distance {
		t.Errorf("%+v", r)
	}
	var c struct {
		Valid bool
		Claim string
	}
	succeed(t, "check", filepath.Join("out", "certificate.json"), "--json").decode(t, &c)
	if !c.Valid || !strings.Contains(c.Claim, "more than 0.01 above inf h; the family of 2 tasks") {
		t.Errorf("%+v", c)
	}
	text := succeed(t, "radius", near, "--epsilon", "0.01").stdout
	contains(t, "the text", text, "within δ proved: the family is ε-global itself (proved)")
	sameRows(t, "tasks", rows(t, text, "task|distance"), []map[string]string{
		{"task": "nominal", "distance": "0"}, {"task": "near", "distance": number(r.Tasks[1].Distance)}})

	succeed(t, "radius", far, "--epsilon", "0.01", "--json").decode(t, &r)
	if r.Within || !(r.Largest > 0.5 && r.Largest < 0.501) {
		t.Errorf("far: %+v", r)
	}
	contains(t, "the text", succeed(t, "radius", far, "--epsilon", "0.01").stdout, "not within a δ that is proved")
	o = succeed(t, "radius", other, "--epsilon", "0.01", "--json")
	if d := o.document(t).(map[string]any); d["largest_distance"] != nil || d["family_within"] != false {
		t.Errorf("a task with another discount: %v", d)
	}
}

func TestRadiusOfMatrixGains(t *testing.T) {
	path := write(t, "two.yaml", "tasks: [{A: [[1.1, 0.3], [0, 0.8]], B: [[0.5], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.01}}\n")
	t.Chdir(t.TempDir())
	o := succeed(t, "radius", path, "--epsilon", "0.01", "--json")
	var r run.Radius
	o.decode(t, &r)
	if d := o.document(t).(map[string]any); d["delta_proved"] != nil || r.Proof != "search" || r.Verdict != "searched" || !(r.Searched > 0.001 && r.Searched < 0.003) || !strings.Contains(r.Reason, "nothing is proved") {
		t.Errorf("%+v", r)
	}
	// What rounding leaves of gaps that are all 0 is no excess.
	path = write(t, "motor.yaml", "tasks: [{A: [[0, 1], [0, -2]], B: [[0], [4]], Q: [[10, 0], [0, 0.1]], R: 0.1, sample_time: 0.1}]\nmeta: {inner: {rate: 0.494567}}\n")
	o = succeed(t, "radius", path, "--epsilon", "1e-300", "--json")
	o.decode(t, &r)
	if d := o.document(t).(map[string]any); r.Verdict != "undecided" || d["delta_searched"] != nil || !strings.Contains(r.Reason, "float64 does not tell") {
		t.Errorf("%+v", r)
	}
}

func TestRadiusRefuses(t *testing.T) {
	path := write(t, "alike.yaml", fmt.Sprintf(nominalFile, 0.02))
	for _, args := range [][]string{
		{"radius", path},
		{"radius", path, "--epsilon", "0"},
		{"radius", path, "--epsilon", "nan"},
		{"radius", path, "--epsilon", "1", "--boxes", "0"},
		{"radius", "--epsilon", "1"},
		{"radius", write(t, "normal.yaml", "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.02}}\n"), "--epsilon", "1"},
	} {
		exits(t, bad, args...)
	}
}

// A landscape that is not proved says so in every way that scripts look at.
func TestSearchedLandscape(t *testing.T) {
	path := testdata(t, "../../../examples/carts.yaml")
	t.Chdir(t.TempDir())
	o := succeed(t, "landscape", path, "--search", "--json")
	for _, key := range []string{"domain", "minimizers[].gain", "minimizers[].value", "minimizers[].gap", "minimizers[].radius", "minimum",
		"epsilon", "epsilon_lower", "verdict", "spurious", "proof", "undecided_boxes", "found_spurious", "estimate", "starts", "unseen"} {
		if err := missing(o.document(t), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	var s run.Search
	o.decode(t, &s)
	if s.Verdict != "undecided" || s.Spurious || s.EpsilonLow != 0 || s.Proof != "search" || !s.Found || !s.Estimate || len(s.Minimizers) != 5 {
		t.Errorf("%+v", s)
	}
	text := succeed(t, "landscape", path, "--search").stdout
	contains(t, "the text", text, "undecided: 5 local minimisers found", "nothing is proved")
	if strings.Contains(text, "spurious") || strings.Contains(text, "global") {
		t.Errorf("words of a proof:\n%s", text)
	}
	var want []map[string]string
	for _, m := range s.Minimizers {
		want = append(want, map[string]string{"minimiser": m.Kind, "h": number(m.Value), "above least": size(m.Excess), "gap": size(m.Gap),
			"λ_min": size(m.Least), "λ_max": size(m.Most), "reached": fmt.Sprint(m.Reached), "W": inline(m.Gain)})
	}
	sameRows(t, "minimisers", rows(t, text, "minimiser|h|above least|gap|λ_min|λ_max|reached|W"), want)

	first, second := write(t, "a.csv", fmt.Sprintf("%v,%v\n", s.Minimizers[0].Gain.Data[0], s.Minimizers[0].Gain.Data[1])), write(t, "b.csv", "0.9,1.5\n")
	succeed(t, "landscape", path, "--search", "--slice", first+","+second, "--out", "line")
	for _, name := range []string{"landscape.json", "spec.yaml", "landscape.svg", "landscape.png", "landscape.pdf"} {
		if _, err := os.Stat(filepath.Join("line", name)); err != nil {
			t.Error(err)
		}
	}
	exits(t, bad, "landscape", path, "--search", "--slice", first+","+first)
	exits(t, bad, "landscape", path, "--search", "--slice", first)
	exits(t, failed, "landscape", path, "--search", "--expect", "global")

	// A scalar gain, searched at request, and not without.
	scalar := write(t, "scalar.yaml", fmt.Sprintf(nominalFile, 0.05))
	succeed(t, "landscape", scalar, "--search", "--json").decode(t, &s)
	if s.Proof != "search" || len(s.Minimizers) != 3 || s.Found {
		t.Errorf("%+v", s)
	}
	exits(t, bad, "landscape", scalar, "--slice", first+","+second)
}
