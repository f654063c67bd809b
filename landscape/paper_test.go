package landscape

import (
	"fmt"
	"math"
	"strings"
)

// mixed is Q = 10ˣ with n exponents equally spaced in [−1, 1], A = B = R = 1.
func mixed(n int, inner string) string {
	var b strings.Builder
	b.WriteString("defaults: {A: 1, B: 1, R: 1}\ntasks:\n")
	for i := range n {
		x := -1 + 2*float64(i)/float64(n-1)
		fmt.Fprintf(&b, "  - {Q: %v}\n", math.Pow(10, x))
	}
	return b.String() + "meta: {inner: {" + inner + "}}\n"
}
