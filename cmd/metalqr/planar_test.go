package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalqr/metalqr/run"
)

// The landscape of two gains is proved, written, verified, and refused once altered.
func TestPlanarLandscape(t *testing.T) {
	path := write(t, "two-gains.yaml", twoGains)
	t.Chdir(t.TempDir())
	o := succeed(t, "landscape", path, "--out", "out", "--json")
	for _, key := range []string{"level", "region", "reason", "equal", "one_map", "unresolved", "enclosures.minimum", "boxes", "budget_spent", "lower_bound",
		"minimizers[].kind", "minimizers[].excess", "minimizers[].optimal", "minimizers[].gain_enclosure[]", "minimizers[].value_enclosure[]", "minimizers[].gap_enclosure[]",
		"rates[]", "rate_from", "files[]", "certificate.valid"} {
		if err := missing(o.document(t), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	var l run.PlanarLandscape
	o.decode(t, &l)
	if l.Proof != "interval" || l.Verdict != "not-global" || !l.Spurious || !l.OneMap || l.Undecided != 0 || l.Search != nil || l.Region != nil || len(l.Domain) != 0 || len(l.Minimizers) != 3 {
		t.Fatalf("%+v", l)
	}
	// A search, with other formulas, finds the same minimisers and nothing else.
	var s run.Search
	succeed(t, "landscape", path, "--search", "--json").decode(t, &s)
	if len(s.Minimizers) != len(l.Minimizers) {
		t.Errorf("%d minimisers searched, %d proved", len(s.Minimizers), len(l.Minimizers))
	}
	for i, m := range l.Minimizers {
		gain := write(t, "gain.csv", fmt.Sprintf("%v,%v\n", m.Gain.Data[0], m.Gain.Data[1]))
		var e run.Evaluation
		succeed(t, "eval", path, "--gain", gain, "--json").decode(t, &e)
		// h is flat there: what the radius of 1e-9 adds is below rounding.
		if d := math.Abs(float64(e.Meta.Value - m.Value)); d > 1e-10*float64(m.Value) || math.Abs(float64(e.Meta.Gap-m.Gap)) > 1e-9 {
			t.Errorf("minimiser %d: h = %v, gap %v; evaluated %v, %v", i+1, m.Value, m.Gap, e.Meta.Value, e.Meta.Gap)
		}
		found := false
		for _, x := range s.Minimizers {
			const polished = 1e-8 // a search's Newton steps end within 1e-11
			found = found || math.Abs(x.Gain.Data[0]-m.Gain.Data[0]) < float64(m.Radius)+polished && math.Abs(x.Gain.Data[1]-m.Gain.Data[1]) < float64(m.Radius)+polished
		}
		if !found {
			t.Errorf("minimiser %d, %v, is not found by a search", i+1, m.Gain.Data)
		}
		if (m.Kind == "spurious") != (m.Excess > 0) || m.Optimal != (m.Gap == 0) {
			t.Errorf("%+v", m)
		}
	}

	text := succeed(t, "landscape", path).stdout
	contains(t, "the text", text, "not-global: of all local minimisers with h ≤ 30.7139: there are 3, and one lies at least")
	for name, want := range map[string]string{"infimum": number(l.Minimum), "lower bound": number(l.LowerBound), "L": "30.7139", "ε": epsilon(l.EpsilonLow, l.Epsilon)} {
		if got := value(t, text, name); got != want {
			t.Errorf("%s %s, want %s", name, got, want)
		}
	}
	var want []map[string]string
	for _, m := range l.Minimizers {
		want = append(want, map[string]string{"minimiser": m.Kind, "h": number(m.Value), "above infimum": size(m.Excess), "gap": size(m.Gap), "±": size(m.Radius), "W": inline(m.Gain)})
	}
	sameRows(t, "minimisers", rows(t, text, "minimiser|h|above infimum|gap|±|W"), want)

	var names []string
	entries, err := os.ReadDir("out")
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); err != nil || got != "certificate.json landscape.json landscape.pdf landscape.png landscape.svg spec.yaml" {
		t.Errorf("files: %s, %v", got, err)
	}
	var kept run.PlanarLandscape
	data, err := os.ReadFile(filepath.Join("out", "landscape.json"))
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil || kept.Level != l.Level || kept.Epsilon != l.Epsilon || len(kept.Minimizers) != 3 {
		t.Errorf("landscape.json: %+v, %v", kept, err)
	}
	contains(t, "check", succeed(t, "check", filepath.Join("out", "certificate.json")).stdout, "valid: the local minimisers of h with h ≤ 30.713905 are among 3 strict local minimisers")
	// A box that is said to have a slope, where it was left to a minimiser; the hash says so.
	data, err = os.ReadFile(filepath.Join("out", "certificate.json"))
	if err != nil {
		t.Fatal(err)
	}
	altered := write(t, "altered.json", string(bytes.Replace(data, []byte(`"verdict":"not-global"`), []byte(`"verdict":"global"`), 1)))
	exits(t, failed, "check", altered)
	exits(t, bad, "landscape", path, "--out", "out")
	exits(t, failed, "landscape", path, "--expect", "global")
	succeed(t, "landscape", path, "--expect", "not-global")
}

// The remedy holds beyond scalars: two tasks identical up to a factor, proved to be
// spurious with a gradient step, and global with a Gauss-Newton step.
func TestPlanarRemedy(t *testing.T) {
	for file, verdict := range map[string]string{"factor-gradient": "not-global", "factor-gauss-newton": "global"} {
		// 14 is above the highest minimum, 13.03.
		o := succeed(t, "landscape", testdata(t, "../../../examples/"+file+".yaml"), "--level", "14", "--expect", verdict, "--json")
		var l run.PlanarLandscape
		o.decode(t, &l)
		if l.Undecided != 0 || l.Proof != "interval" || l.Level != 14 || (l.Epsilon == 0) != (verdict == "global") {
			t.Errorf("%s: %+v", file, l)
		}
	}
}

// A claim may be about less; what it cannot be about is an error.
func TestPlanarClaims(t *testing.T) {
	path := write(t, "two-gains.yaml", twoGains)
	t.Chdir(t.TempDir())
	low, high := write(t, "low.csv", "0.9,1\n"), write(t, "high.csv", "1,2\n")
	var l run.PlanarLandscape
	succeed(t, "landscape", path, "--region", low+","+high, "--level", "12", "--json").decode(t, &l)
	if len(l.Minimizers) != 1 || l.Level != 12 || len(l.Region) != 2 || l.Region[1][1] != 2 || l.Verdict != "global" || !strings.Contains(l.Reason, "with h ≤ 12 in the region") {
		t.Errorf("%+v", l)
	}
	text := succeed(t, "landscape", path, "--region", low+","+high, "--level", "12", "--out", "region").stdout
	contains(t, "the text", text, "[0.9, 1] × [1, 2]", "as given", "verifies the proof")

	scalar := write(t, "scalar.yaml", fmt.Sprintf(nominalFile, 0.05))
	three := write(t, "three.csv", "1,2,3\n")
	for _, args := range [][]string{
		{path, "--level", "0"}, {path, "--level", "-1"}, {path, "--level", "nan"}, {path, "--level", "inf"},
		{path, "--level", "1"}, // below the least cost
		{path, "--region", low}, {path, "--region", high + "," + low}, {path, "--region", low + "," + low}, {path, "--region", low + "," + three}, {path, "--region", low + ",missing.csv"},
		{path, "--search", "--level", "20"}, {path, "--search", "--region", low + "," + high},
		{path, "--slice", low + "," + high}, {path, "--boxes", "0"}, {path, "--seconds", "-1"},
		{scalar, "--level", "20"}, {scalar, "--region", low + "," + high},
	} {
		exits(t, bad, append([]string{"landscape"}, args...)...)
	}
}

// Of other gains the minimisers in a region are proved, and verified.
func TestRegionLandscape(t *testing.T) {
	inputs := write(t, "inputs.yaml", `tasks:
  - {A: 1.2, B: [[1, 0.5]], Q: 1, R: [[1, 0.2], [0.2, 0.8]]}
  - {A: 1.1, B: [[0.9, 0.7]], Q: 2, R: [[0.6, 0], [0, 1.2]]}
meta: {inner: {rule: gradient, rate: 0.05}}
`)
	four := write(t, "four.yaml", `tasks: [{A: [[0.5, 0.3], [0, 0.8]], B: [[1, 0], [0, 1]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}]
meta: {inner: {rule: natural, rate: 0.01}}
`)
	t.Chdir(t.TempDir())
	low, high := write(t, "low.csv", "0.5\n0.05\n"), write(t, "high.csv", "0.9\n0.45\n")
	var l run.PlanarLandscape
	succeed(t, "landscape", inputs, "--region", low+","+high, "--json").decode(t, &l)
	if l.Proof != "interval" || l.Undecided != 0 || len(l.Minimizers) != 1 || l.Verdict != "not-global" && l.Verdict != "epsilon-global" || !(l.Epsilon > l.EpsilonLow) {
		t.Errorf("%+v", l)
	}
	var e run.Evaluation
	m := l.Minimizers[0]
	succeed(t, "eval", inputs, "--gain", write(t, "gain.csv", fmt.Sprintf("%v\n%v\n", m.Gain.Data[0], m.Gain.Data[1])), "--json").decode(t, &e)
	if math.Abs(float64(e.Meta.Value-m.Value)) > 1e-10*float64(m.Value) {
		t.Errorf("h = %v, evaluated %v", m.Value, e.Meta.Value)
	}
	text := succeed(t, "landscape", inputs, "--region", low+","+high, "--out", "two").stdout
	contains(t, "the text", text, "[0.5, 0.9] × [0.05, 0.45]", "verifies the proof", "figure: ")

	w := [4]float64{0.265, 0.172, 0.008, 0.476} // near W*, which its own step does not move
	at := func(name string, by float64) string {
		return write(t, name, fmt.Sprintf("%v,%v\n%v,%v\n", w[0]+by, w[1]+by, w[2]+by, w[3]+by))
	}
	region := at("low4.csv", -0.02) + "," + at("high4.csv", 0.02)
	text = strings.Join(strings.Fields(succeed(t, "landscape", four, "--region", region, "--out", "four", "--expect", "global").stdout), " ")
	contains(t, "the text", text, "there is one, and it is the global one", "verifies the proof")
	if entries, err := os.ReadDir("four"); err != nil || len(entries) != 3 {
		t.Errorf("files: %v, %v", entries, err)
	}
	contains(t, "check", succeed(t, "check", filepath.Join("four", "certificate.json")).stdout, "each is global")
	text = succeed(t, "landscape", four, "--region", at("low.csv", -0.3)+","+at("high.csv", 0.3), "--boxes", "20").stdout
	contains(t, "the text", text, "undecided: W in [", "What a search finds")

	exits(t, bad, "landscape", four, "--region", low+","+high)
	exits(t, bad, "landscape", inputs, "--region", low+","+high, "--level", "1")
	exits(t, bad, "landscape", inputs, "--region", low+","+high, "--slice", low+","+high)
}

// What the budget leaves undecided is shown, beside what a search finds, which is said
// to prove nothing.
func TestPlanarUndecided(t *testing.T) {
	path := write(t, "two-gains.yaml", strings.Replace(twoGains, "0.3", "0.1", 1))
	t.Chdir(t.TempDir())
	o := succeed(t, "landscape", path, "--boxes", "300", "--out", "out", "--json")
	var l run.PlanarLandscape
	o.decode(t, &l)
	if l.Verdict != "undecided" || l.Undecided == 0 || len(l.Unresolved) == 0 || !l.Spent || l.Spurious || l.Search == nil || l.Search.Proof != "search" || len(l.Search.Minimizers) == 0 || !(l.Epsilon > 1) {
		t.Errorf("%+v", l)
	}
	if err := missing(o.document(t), "certificate.valid"); err != nil || !strings.Contains(o.stdout, `"valid":true`) {
		t.Errorf("the certificate: %v", err)
	}
	text := strings.Join(strings.Fields(succeed(t, "landscape", path, "--boxes", "300").stdout), " ")
	contains(t, "the text", text, "undecided: of all local minimisers with h ≤", "boxes are undecided, as the budget ran out",
		"undecided: W in [", "more --boxes, a lower --level or a --region may decide it", "What a search finds, which proves nothing:", "unseen")
	contains(t, "check", succeed(t, "check", filepath.Join("out", "certificate.json")).stdout, "left unresolved")
	contains(t, "the figure", string(must(t)(os.ReadFile(filepath.Join("out", "landscape.svg")))), "undecided")
	exits(t, failed, "landscape", path, "--boxes", "300", "--expect", "global")
}

func must(t *testing.T) func(data []byte, err error) []byte {
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// Where no proof can be attempted there is a search, and it says why.
func TestNoProofAttempted(t *testing.T) {
	const task = "A: [[1.1, 0.3], [0, 0.8]], B: [[0.5], [1]], Q: [[1, 0], [0, 1]], R: 1"
	t.Chdir(t.TempDir())
	for name, tt := range map[string]struct{ text, why string }{
		"two steps":     {"tasks: [{" + task + "}]\nmeta: {inner: {rate: 0.01, steps: 2}}\n", "inner steps: 2) a proof needs a region"},
		"a known state": {"tasks: [{" + task + ", x0: [1, 2]}]\nmeta: {inner: {rate: 0.01}}\n", `task "task-1"`},
		"two inputs":    {"tasks: [{A: [[1.1, 0.3], [0, 0.8]], B: [[1, 0], [0, 1]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}]\nmeta: {inner: {rate: 0.01}}\n", "a gain of 2×2 entries, inner steps: 1) a proof needs a region"},
		"a horizon":     {"tasks: [{A: 1.1, B: 1, Q: 1, R: 1, horizon: 4, terminal: 2}]\nmeta: {inner: {rate: 0.01}}\n", "tasks on a finite horizon"},
	} {
		path := write(t, "family.yaml", tt.text)
		var s run.Search
		succeed(t, "landscape", path, "--starts", "100", "--json").decode(t, &s)
		if s.Proof != "search" || s.Verdict != "undecided" || !strings.Contains(s.Unproved, tt.why) || strings.Contains(s.Unproved, "landscape: ") {
			t.Errorf("%s: %s, %q", name, s.Verdict, s.Unproved)
		}
		text := strings.Join(strings.Fields(succeed(t, "landscape", path, "--starts", "100").stdout), " ")
		contains(t, name, text, "no proof was attempted: "+s.Unproved)
		exits(t, bad, "landscape", path, "--level", "100")
	}
	exits(t, bad, "landscape", write(t, "imaml.yaml", "tasks: [{"+task+"}]\nmeta: {algorithm: imaml, inner: {strength: 20}}\n"))
	// A search that was asked for needs no excuse.
	if o := succeed(t, "landscape", write(t, "two.yaml", twoGains), "--search", "--json"); strings.Contains(o.stdout, "unproved") {
		t.Error(o.stdout)
	}
}

// Ctrl-C ends a proof: nothing was written, and that is said.
func TestPlanarInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	path := write(t, "family.yaml", `tasks:
- {A: [[0.9, 0.2], [0.1, 1.1]], B: [[1, 0], [0, 0.5]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}
- {A: [[1, 0.2], [0.1, 0.9]], B: [[1, 0], [0, 0.6]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}
meta: {inner: {rate: 0.01}}
`)
	t.Chdir(t.TempDir())
	low, high := write(t, "low.csv", "-3,-3\n-3,-3\n"), write(t, "high.csv", "3,3\n3,3\n") // takes all of its 100 000 boxes
	var stderr bytes.Buffer
	cmd := program(t, &stderr, "landscape", path, "--region", low+","+high, "--out", "out")
	interrupt(t, cmd, syscall.SIGINT, 700*time.Millisecond)
	if code := cmd.ProcessState.ExitCode(); code != failed || stderr.String() != "metalqr: interrupted; nothing was written\n" {
		t.Errorf("exit %d, %q", code, stderr.String())
	}
	if _, err := os.Stat("out"); err == nil {
		t.Error("a directory is there")
	}
}
