package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// ownArgument makes this program our side of the comparison.
const ownArgument = "own-side"

// serve is our side of the conversation described at side.
func serve(in io.Reader, out io.Writer) error {
	fmt.Fprintf(out, "ready metalqr, %s, GOAMD64=%s\n", runtime.Version(), architectureLevel())
	var call func([]float64) error
	var result []float64
	mean := func(calls int) (float64, error) {
		begin := time.Now()
		for range calls {
			if err := call(result); err != nil {
				return 0, err
			}
		}
		return time.Since(begin).Seconds() / float64(calls), nil
	}
	one := 0.0
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		switch {
		case words[0] == "":
		case words[0] == "load" && len(words) == 7:
			c := problem{kind: words[1]}
			for i, n := range []*int{&c.n, &c.r, &c.tasks} {
				var err error
				if *n, err = strconv.Atoi(words[3+i]); err != nil {
					return err
				}
			}
			if err := c.read(words[2]); err != nil {
				return err
			}
			var note string
			var err error
			call, result = nil, nil // free before the next case's
			if c.isFleet() {
				call, note, err = c.prepareFleet(words[2])
			} else {
				call, note, err = c.prepare()
			}
			if err != nil {
				return err
			}
			result = make([]float64, c.resultLen())
			if err := call(result); err != nil {
				return err
			}
			if err := writeFloats(words[6], result); err != nil {
				return err
			}
			if one, err = mean(1); err != nil {
				return err
			}
			fmt.Fprintf(out, "loaded\t%s\n", note)
		case words[0] == "time" && len(words) == 2:
			turn, err := strconv.ParseFloat(words[1], 64)
			if err != nil {
				return err
			}
			calls := max(1, int(turn/one))
			if one, err = mean(calls); err != nil {
				return err
			}
			fmt.Fprintf(out, "timed\t%d\t%v\n", calls, one)
		default:
			return fmt.Errorf("unknown order %q", words)
		}
	}
	return nil
}

// prepare returns the call that is timed; it writes the result to dst.
func (c problem) prepare() (call func(dst []float64) error, note string, err error) {
	n, r := c.n, c.r
	switch c.kind {
	case riccati:
		a, b := matrix(n, n, c.a), matrix(n, r, c.b)
		q, rr := matrix(n, n, c.q), matrix(r, r, c.rr)
		return func(dst []float64) error {
			s, err := matrixeq.Riccati(a, b, q, rr)
			if err != nil {
				return err
			}
			copy(dst, s.P.Data)
			return nil
		}, "matrixeq.Riccati", nil
	case stein:
		a, m := matrix(n, n, c.a), matrix(n, n, c.m)
		return func(dst []float64) error {
			s, err := matrixeq.Stein(a, m)
			if err != nil {
				return err
			}
			copy(dst, s.X.Data)
			return nil
		}, "matrixeq.Stein", nil
	case meta:
		h, err := c.plain()
		if err != nil {
			return nil, "", err
		}
		return func(dst []float64) error {
			p, err := h.At(c.w)
			if err != nil {
				return err
			}
			dst[0] = p.Value()
			p.Grad(dst[1:])
			return nil
		}, "maml.Meta", nil
	}
	return nil, "", fmt.Errorf("unknown kind %q", c.kind)
}

// plain is the meta-objective over tasks of package lqr, which shares no kernels
// with a fleet.
func (c problem) plain() (*maml.Meta, error) {
	n, r := c.n, c.r
	members := make([]maml.Member, c.tasks)
	for i := range members {
		task, err := lqr.New(lqr.Spec{
			Name:   strconv.Itoa(i),
			A:      matrix(n, n, c.a[i*n*n:(i+1)*n*n]),
			B:      matrix(n, r, c.b[i*n*r:(i+1)*n*r]),
			Q:      matrix(n, n, c.q[i*n*n:(i+1)*n*n]),
			R:      matrix(r, r, c.rr[i*r*r:(i+1)*r*r]),
			Sigma0: matrix(n, n, c.m),
		})
		if err != nil {
			return nil, err
		}
		members[i] = maml.Member{Name: strconv.Itoa(i), Weight: 1, Outer: task}
		for _, rate := range c.rates {
			members[i].Inner = append(members[i].Inner, maml.Gradient{Objective: task, Rate: rate})
		}
	}
	return maml.NewMeta(members)
}

func matrix(rows, cols int, data []float64) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: rows, Cols: cols, Data: data}
}

// architectureLevel is the GOAMD64 this program was compiled with.
func architectureLevel() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "GOAMD64" {
				return s.Value
			}
		}
	}
	return "none"
}
