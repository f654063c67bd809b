package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The keys that scripts rely on, literally. A key followed by [] is a list
// with at least one element, each of which has what comes after.
var contract = map[string][]string{
	"solve": {
		"tasks[].name", "tasks[].gain", "tasks[].P", "tasks[].cost", "tasks[].spectral_radius", "tasks[].residual",
	},
	"eval": {
		"tasks[].name", "tasks[].stable", "tasks[].cost", "tasks[].gradient", "tasks[].optimal_cost", "tasks[].spectral_radius",
		"meta.value", "meta.gradient", "meta.lower_bound", "meta.gap",
	},
	"train": {
		"gain", "value", "gradient_norm", "status", "iterations", "lower_bound", "gap", "rate", "start",
		"certificate.verdict", "certificate.conditions[].name", "certificate.conditions[].task", "certificate.conditions[].step",
		"certificate.conditions[].value", "certificate.conditions[].limit", "certificate.conditions[].holds",
		"tasks[].name", "tasks[].cost_before", "tasks[].cost_after", "tasks[].optimal_cost", "tasks[].adapted_gain", "tasks[].spectral_radius_after",
		"baselines.mean_optimal", "baselines.argmin_mean_cost",
		"baselines.mean_optimal.cost_after", "baselines.argmin_mean_cost.cost_after",
		"directory",
	},
	"landscape": {
		"domain", "minimizers[].gain", "minimizers[].value", "minimizers[].gap", "minimizers[].radius", "minimum", "epsilon", "epsilon_lower",
		"verdict", "spurious", "proof", "undecided_boxes",
	},
	"adapt": {
		"tasks[].name", "tasks[].optimal_cost", "tasks[].costs[]", "tasks[].radii[]", "tasks[].adapted_gain", "mean_costs[]", "baselines",
	},
}

// missing says which part of a path a document lacks.
func missing(v any, path string) error {
	if path == "" {
		return nil
	}
	key, rest, _ := strings.Cut(path, ".")
	key, list := strings.CutSuffix(key, "[]")
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("no object with the key %q", key)
	}
	v, ok = object[key]
	if !ok {
		return fmt.Errorf("no key %q", key)
	}
	if !list {
		return missing(v, rest)
	}
	items, ok := v.([]any)
	if !ok || len(items) == 0 {
		return fmt.Errorf("%q is no list, or an empty one", key)
	}
	for i, item := range items {
		if err := missing(item, rest); err != nil {
			return fmt.Errorf("%s[%d]: %w", key, i, err)
		}
	}
	return nil
}

// twoGains is a family whose landscape is proved within a fifth of a second: three
// minimisers, one of them spurious.
const twoGains = `family: two-gains
defaults: {A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]]}
tasks:
  - {Q: [[1, 0], [0, 0.5]], R: 0.5}
  - {Q: [[2, 0], [0, 1]], R: 1}
meta: {inner: {rule: gauss-newton, rate: 0.3}}
`

func TestContractKeys(t *testing.T) {
	two := write(t, "two-gains.yaml", twoGains)
	gain := write(t, "gain.csv", "0.5\n")
	family := elsewhere(t, "figure-3b.yaml")[0]
	for command, args := range map[string][]string{
		"solve": {"solve", family},
		"eval":  {"eval", family, "--gain", gain},
		"train": {"train", family},
		"adapt": {"adapt", family, "--gain", gain, "--steps", "3"},

		"landscape of one gain":  {"landscape", family},
		"landscape of two gains": {"landscape", two},
		"landscape, searched":    {"landscape", family, "--search"},
	} {
		t.Run(command, func(t *testing.T) {
			o := succeed(t, append(args, "--json")...)
			document := o.document(t)
			for _, path := range contract[args[0]] {
				if err := missing(document, path); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
	if err := missing(map[string]any{"tasks": []any{map[string]any{"name": 1}}}, "tasks[].cost"); err == nil {
		t.Error("a missing key is not noticed")
	}
}

// Every command keeps standard output to one document.
func TestOneDocument(t *testing.T) {
	gain := write(t, "gain.csv", "0.5\n")
	family := elsewhere(t, "figure-3b.yaml")[0]
	for _, args := range [][]string{
		{"init"}, {"init", "--schema"}, {"version"}, {"solve", family}, {"eval", family, "--gain", gain, "--gradcheck"},
		{"train", family, "-v"}, {"adapt", family, "--gain", gain, "--steps", "0"},
	} {
		succeed(t, append(args, "--json")...).document(t)
	}
	if _, err := os.Stat("runs/figure-3b/001/result.json"); err != nil {
		t.Error(err)
	}
}
