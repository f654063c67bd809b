package run

import (
	"context"
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Result is what a training run came to.
type Result struct {
	Family       string           `json:"family"`
	Algorithm    family.Algorithm `json:"algorithm"`
	Gain         matrixeq.Matrix  `json:"gain"`
	Value        Number           `json:"value"`                   // of the algorithm's objective at the gain: h, and for moreau the mean envelope
	GradientNorm Number           `json:"gradient_norm"`           // of what the method steps along: ‖∇h‖₂, or ‖G‖₂ where Direction says so
	ExactNorm    Number           `json:"exact_gradient_norm"`     // ‖∇h‖₂ in the gain, exact; h the mean cost after adaptation
	Direction    string           `json:"direction,omitempty"`     // why the steps are along no gradient
	LearnedRates *matrixeq.Matrix `json:"learned_rates,omitempty"` // of each entry of the gain
	Status       maml.Status      `json:"status"`
	Reason       string           `json:"reason,omitempty"` // why the run ended, where the status does not say all
	Kind         maml.Kind        `json:"kind"`             // of the stationary point
	Iterations   int              `json:"iterations"`
	Best         *Best            `json:"best"`                 // a better iterate passed on the way; null where the gain is the best met
	LowerBound   Number           `json:"lower_bound"`          // Σ λᵢ Cᵢ*
	Gap          Number           `json:"gap"`                  // h − Σ λᵢ Cᵢ*, without subtracting: h − min h is at most this
	Rate         Number           `json:"rate"`                 // η of the first inner step
	Rates        []Number         `json:"rates"`                // of every inner step
	RateFrom     string           `json:"rate_from"`            // "file", or "start" with rate: auto
	OuterRate    Number           `json:"outer_rate,omitempty"` // β of algorithm-1
	Clipped      int              `json:"clipped,omitempty"`    // steps that outer.clip shortened
	LargestRate  *LargestRate     `json:"largest_rate"`         // null where no rate is given: proximal problems, learned rates
	RateCheck    []RateCheck      `json:"rate_check"`           // at the start, before the first step
	Start        *Start           `json:"start"`
	Certificate  *Certificate     `json:"certificate"`
	Tasks        []TaskResult     `json:"tasks"`
	Baselines    Baselines        `json:"baselines"`
	Rounds       []maml.Round     `json:"rounds,omitempty"` // of ftml
	Evaluations  int              `json:"evaluations"`      // of the meta-objective
	Products     int              `json:"products"`         // with its Hessian
	Redraws      int              `json:"redraws,omitempty"`
}

// A Best is the iterate at which the lowest value was met.
type Best struct {
	Iteration int             `json:"iteration"`
	Value     Number          `json:"value"`
	Gain      matrixeq.Matrix `json:"gain"`
}

// A TaskResult is one task at the gain found.
type TaskResult struct {
	Name         string          `json:"name"`
	Weight       Number          `json:"weight"`      // normalised
	CostBefore   Number          `json:"cost_before"` // f(W); null where W does not stabilise f's plant
	CostAfter    Number          `json:"cost_after"`  // f(F(W))
	OptimalCost  Number          `json:"optimal_cost"`
	GapAfter     Number          `json:"gap_after"` // cost_after − optimal_cost, without subtracting
	AdaptedGain  matrixeq.Matrix `json:"adapted_gain"`
	RadiusBefore Number          `json:"spectral_radius_before"`
	RadiusAfter  Number          `json:"spectral_radius_after"`
}

// Baselines answer whether meta-learning was worth it: the gains one would
// have used without it, after the same inner steps.
type Baselines struct {
	MeanOptimal    Baseline `json:"mean_optimal"`     // Σ λᵢ Wᵢ*
	ArgminMeanCost Baseline `json:"argmin_mean_cost"` // argmin Σ λᵢ fᵢ(W)
}

// A Baseline is one such gain. A cost that is infinite is null, and the reason
// says which task is not stabilised.
type Baseline struct {
	Gain       *matrixeq.Matrix `json:"gain"`
	CostBefore Number           `json:"cost_before"` // Σ λᵢ fᵢ(W)
	CostAfter  Number           `json:"cost_after"`  // Σ λᵢ fᵢ(Fᵢ(W))
	Reason     string           `json:"reason,omitempty"`
}

// baseline evaluates a gain before and after the inner steps.
func (p *Problem) baseline(w, rates []float64) (Baseline, error) {
	g := p.gain(w)
	b := Baseline{Gain: &g, CostBefore: infinite, CostAfter: infinite}
	for _, c := range []struct {
		rates []float64
		cost  *Number
	}{{nil, &b.CostBefore}, {rates, &b.CostAfter}} {
		m, err := p.mixture(c.rates)
		if err != nil {
			return b, err
		}
		at, err := m.At(w)
		switch {
		case err == nil:
			*c.cost = Number(at.Value())
		case !isDomain(err):
			return b, err
		case b.Reason == "":
			b.Reason = err.Error()
		}
	}
	return b, nil
}

// argminMeanCost minimises Σ λᵢ fᵢ(W) from w, which must be inside every fᵢ's
// domain, or else from a gain found by damping.
func (p *Problem) argminMeanCost(ctx context.Context, w []float64) ([]float64, maml.Result, error) {
	m, err := p.mixture(nil)
	if err != nil {
		return nil, maml.Result{}, err
	}
	if _, err := m.At(w); isDomain(err) {
		if w, _, err = p.stabilise(ctx, w); err != nil {
			return nil, maml.Result{}, err
		}
	}
	s := maml.NewState(w)
	res, err := maml.Minimize(ctx, m, maml.NewtonCG{}, s, maml.Stop{}, nil)
	if err == nil {
		err = ctx.Err()
	}
	return s.X, res, err
}

// baselines evaluates both. A baseline that cannot be had says why.
func (p *Problem) baselines(ctx context.Context, near, rates []float64) (Baselines, error) {
	var out Baselines
	w, err := p.MeanOptimal()
	if err != nil {
		none := Number(math.NaN())
		out.MeanOptimal = Baseline{CostBefore: none, CostAfter: none, Reason: err.Error()}
	} else if out.MeanOptimal, err = p.baseline(w, rates); err != nil {
		return out, err
	}
	w, res, err := p.argminMeanCost(ctx, near)
	if isDomain(err) {
		out.ArgminMeanCost = Baseline{CostBefore: infinite, CostAfter: infinite, Reason: err.Error()}
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if out.ArgminMeanCost, err = p.baseline(w, rates); err != nil {
		return out, err
	}
	if res.Status != maml.Converged && out.ArgminMeanCost.Reason == "" {
		out.ArgminMeanCost.Reason = "minimisation of the mean cost ended as " + res.Status.String()
	}
	return out, nil
}
