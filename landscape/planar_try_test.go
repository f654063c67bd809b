package landscape

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

func TestPlanarTry(t *testing.T) {
	if os.Getenv("TRY") == "" {
		t.Skip()
	}
	kind := os.Getenv("KIND")
	tasks, _ := strconv.Atoi(os.Getenv("TASKS"))
	share, _ := strconv.ParseFloat(os.Getenv("SHARE"), 64)
	n, _ := strconv.ParseUint(os.Getenv("TRY"), 10, 64)
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 7))
		f, rates := planarSized(t, r, tasks, os.Getenv("RULE"), share, kind)
		p, err := NewPlanar(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		l, err := p.Prove(context.Background(), PlanarOptions{Options: Options{Boxes: 2_000_000, Time: 100 * time.Second}})
		if err != nil {
			t.Log(seed, err)
			continue
		}
		count := map[byte]int{}
		for i := range l.proof.Cover {
			count[l.proof.Cover[i]]++
		}
		s := ""
		for c, k := range count {
			s += string(c) + ":" + strconv.Itoa(k) + " "
		}
		t.Logf("%d: %v boxes %d left %d minima %d ε %v limit %.3g L %.4g %.2fs  %s", seed, l.Verdict, l.Boxes, l.Left, len(l.Minima), l.Epsilon, p.tasks[0].limit, l.Level, time.Since(begun).Seconds(), s)
		for _, m := range l.Minima {
			t.Logf("     %v %v %v", m.Value, m.Optimal, m.Gain)
		}
		for _, u := range l.Unresolved[:min(len(l.Unresolved), 3)] {
			t.Logf("     left %v", u)
		}
	}
}
