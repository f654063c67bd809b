package landscape

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/metalqr/metalqr/family"
)

func TestQuick(t *testing.T) {
	for _, y := range []string{
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.05}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.16}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.2}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.01}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.01}, normalize: optimal-cost}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.25, rule: gauss-newton}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.5, rule: gauss-newton}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.05}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.5, rule: gauss-newton}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.05, rule: natural}}",
		"tasks: [{A: 1, B: 1, Q: 1e-6, R: 1}]\nmeta: {inner: {rate: 0.01}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01, steps: 2}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01, steps: 3}}",
		"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.01, steps: 3}}",
		"tasks: [{A: 1.2, B: 1, Q: 1, R: 1}, {A: 1.2, B: -1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}",
		"tasks: [{A: .9, B: 1, Q: 1, R: 1}, {A: .9, B: -1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.1}}",
		"tasks: [{A: .5, B: 0, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.1}}",
	} {
		f, err := family.Parse("x", []byte(y))
		if err != nil {
			t.Fatal(err)
		}
		var rates []float64
		for k := range f.Meta.Inner.Steps {
			rates = append(rates, f.Meta.Inner.Rate.At(k))
		}
		p, err := New(f, rates)
		if err != nil {
			t.Error(err)
			continue
		}
		begun := time.Now()
		l, err := p.Prove(context.Background(), Options{Boxes: 100000})
		fmt.Println(y, time.Since(begun))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("  ", l.Verdict, l.Epsilon, "one map", l.OneMap, "boxes", l.Boxes, "inf", l.Infimum, "unresolved", l.Unresolved)
		for _, d := range l.Domain {
			fmt.Println("   domain", d.Low, d.High, d.LowBorder, d.HighBorder)
		}
		for _, s := range l.Stationary {
			fmt.Println("   ", s.Kind, s.Gain, s.Value, s.Gap, s.Optimal, s.Share, s.Singular)
		}
		for _, s := range l.Singular {
			fmt.Println("   singular", s.Task, s.Points, s.Unresolved)
		}
	}
}
