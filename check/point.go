package check

import (
	"fmt"
	"strings"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// checkPoint verifies what is claimed of one gain.
func checkPoint(f *family.Family, at *certificate.Point) (string, error) {
	w, err := gainOf(f, at.Gain)
	if err != nil {
		return "", err
	}
	if at.Gap == nil && at.Stationary == nil && at.Box == nil {
		return "", fmt.Errorf("nothing is claimed")
	}
	var claims []string
	if at.Gap != nil {
		if err := checkGap(f, w, *at.Gap); err != nil {
			return "", err
		}
		claims = append(claims, fmt.Sprintf("h is at most %s above its infimum there", atMost(*at.Gap)))
	}
	var more []string
	switch scalar := w.Rows == 1 && w.Cols == 1; {
	case at.Stationary == nil && at.Box == nil:
		if at.Minimum || at.Theorem2 || at.Proposition1 {
			return "", fmt.Errorf("no stationary point is claimed that Theorem 2 or Proposition 1 could be about, or that could be a minimum")
		}
	case scalar && (at.Box != nil || at.Minimum):
		return "", fmt.Errorf("of a gain of one number the stationary point is claimed in an interval, without a kind")
	case scalar:
		p, err := newProblem(f)
		if err != nil {
			return "", err
		}
		c := &checker{problem: p}
		if more, err = c.point(at, w.Data[0]); err != nil {
			return "", err
		}
	case at.Stationary != nil:
		return "", fmt.Errorf("of a gain of %d×%d numbers the stationary point is claimed in a box of as many intervals", w.Rows, w.Cols)
	default:
		if more, err = checkBox(f, at, w); err != nil {
			return "", err
		}
	}
	claims = append(claims, more...)
	return fmt.Sprintf("At the gain %v: %s", at.Gain, strings.Join(claims, "; ")) + whose(f.Meta.Algorithm), nil
}

// gainOf is the gain as a matrix of the family's shape.
func gainOf(f *family.Family, rows [][]float64) (matrixeq.Matrix, error) {
	w := matrixeq.New(f.Inputs(), f.States())
	if len(rows) != w.Rows {
		return w, fmt.Errorf("the gain has %d rows; one of this family has %d", len(rows), w.Rows)
	}
	for i, row := range rows {
		if len(row) != w.Cols {
			return w, fmt.Errorf("row %d of the gain has %d numbers; one of this family has %d", i+1, len(row), w.Cols)
		}
		copy(w.Row(i), row)
	}
	return w, nil
}

// checkGap verifies h(W) − Σ λᵢ Cᵢ* ≤ stated; of a single number in 256 bits
// where it can.
func checkGap(f *family.Family, w matrixeq.Matrix, stated float64) error {
	if w.Rows == 1 && w.Cols == 1 {
		if p, err := newProblem(f); err == nil {
			if h, _, where := p.at(single(w.Data[0])); where == inside && h.high() <= stated {
				return nil
			}
		}
	}
	rates := make([]float64, f.Meta.Inner.Steps)
	for k := range rates {
		rates[k] = f.Meta.Inner.Rate.At(k)
	}
	y, err := gap(f, rates, w)
	if err != nil {
		return err
	}
	if !(y.Hi() <= stated) {
		return fmt.Errorf("the gap is found to lie in %v, so that %v is not verified as a bound", y, stated)
	}
	return nil
}

// point verifies the claims about the stationary point near a single number.
func (c *checker) point(at *certificate.Point, w float64) ([]string, error) {
	p, b := c.problem, *at.Stationary
	if b.IsEmpty() || !b.IsBounded() || !b.Contains(w) {
		return nil, fmt.Errorf("the box %v does not hold the gain %v", b, w)
	}
	err := c.isolated(function{of: certificate.Slope, p: p}, b)
	if err != nil && p.oneMap == nil {
		err = c.factors(b)
	}
	if err != nil {
		return nil, fmt.Errorf("that %v holds exactly one stationary point is not verified: %w", b, err)
	}
	claims := []string{fmt.Sprintf("exactly one stationary point of h lies in %v, which holds it", b)}
	if !at.Theorem2 && !at.Proposition1 {
		return claims, nil
	}
	if p.oneMap != nil {
		return nil, fmt.Errorf("there are several different tasks, and these theorems are about one (%w)", p.oneMap)
	}
	if at.Theorem2 {
		if err := c.theorem2(b); err != nil {
			return nil, fmt.Errorf("by Theorem 2: %w", err)
		}
		claims = append(claims, "it is a global minimiser, by Theorem 2")
	}
	if at.Proposition1 {
		if err := c.proposition1(b); err != nil {
			return nil, fmt.Errorf("by Proposition 1: %w", err)
		}
		claims = append(claims, "it is a strict local minimiser and 0 above inf h, by Proposition 1")
	}
	return claims, nil
}

// isolated proves that f has exactly one zero in b, and b lies in the domain. At
// the ends of b, f may be zero itself.
func (c *checker) isolated(f function, b interval.Interval) error {
	x, l, h, err := c.monotone(f, b)
	if err == nil && (l == x.direction || h == -x.direction) {
		err = fmt.Errorf("%v is not found to change its sign", f)
	}
	return err
}

// factors proves that h′ has exactly one zero in b by its factors: one has
// exactly one, the others have none.
func (c *checker) factors(b interval.Interval) error {
	fs, err := c.problem.required(certificate.OneMap)
	if err != nil {
		return err
	}
	if err := c.wholly(b); err != nil {
		return err
	}
	zero := ""
	for _, f := range fs {
		free := everywhere(b, fmt.Sprintf("%v is not 0", f), func(b interval.Interval) bool {
			return f.over(&c.lens, b).value.Sign() != 0
		})
		if free == nil {
			continue
		}
		if zero != "" {
			return fmt.Errorf("%s has a zero, and %w", zero, free)
		}
		if err := c.isolated(f, b); err != nil {
			return err
		}
		zero = f.String()
	}
	if zero == "" {
		return fmt.Errorf("no factor of h′ has a zero")
	}
	return nil
}

// theorem2 proves F_k′(x_{k−1}) ≠ 0 on b for every k. b lies in the domain, and
// holds the zero of h′ = ρ C′(x_K) Π F_k′: it is one of C′(x_K), so that x_K = W*.
func (c *checker) theorem2(b interval.Interval) error {
	return c.folds(b, func(f interval.Interval) bool { return f.Sign() != 0 }, "F′ is not 0")
}

// proposition1 proves h″ > 0 on b and |1 − F_k′(x_{k−1})| < 1 for every k, which
// for gradient steps is η|g″| < 1.
func (c *checker) proposition1(b interval.Interval) error {
	err := everywhere(b, "h″ > 0", func(b interval.Interval) bool {
		v := c.problem.over(&c.lens, b)
		return v.where == inside && v.dd.Positive()
	})
	if err != nil {
		return err
	}
	return c.folds(b, func(f interval.Interval) bool { return f.Lo() > 0 && f.Hi() < 2 }, "|1 − F′| < 1")
}

// folds proves that F_k′(x_{k−1}) passes test on b for every k.
func (c *checker) folds(b interval.Interval, test func(interval.Interval) bool, what string) error {
	t := c.problem.tasks[0]
	for k := range t.steps {
		err := everywhere(b, fmt.Sprintf("%s at inner step %d", what, k+1), func(b interval.Interval) bool {
			c.lens.at(t, b, k)
			if c.lens.box.where != inside {
				return false
			}
			f, _ := t.steps[k].fold(&c.lens.box.last, false)
			return test(f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
