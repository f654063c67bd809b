package check_test

import (
	"fmt"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/interval"
)

// A claim about one gain: near 0.2462 the meta-objective has a stationary point,
// and although it is far from the optimal gain 0.618, it is a global minimiser.
// With a rate of 0.2 that is true of another gain, and the certificate is refused.
func ExampleCheck() {
	const family = "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: %v}}\n"
	box := interval.New(0.246, 0.2465)
	for _, rate := range []float64{0.05, 0.2} {
		data, err := certificate.Encode(certificate.Certificate{
			Family: fmt.Sprintf(family, rate),
			Point:  &certificate.Point{Gain: [][]float64{{0.2462}}, Stationary: &box, Theorem2: true},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		report, err := check.Check(data)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(report.Valid)
		fmt.Println(report.Claim + report.Reason)
	}
	// Output:
	// true
	// At the gain [[0.2462]]: exactly one stationary point of h lies in [0.246, 0.2465], which holds it; it is a global minimiser, by Theorem 2
	// false
	// that [0.246, 0.2465] holds exactly one stationary point is not verified: no factor of h′ has a zero
}
