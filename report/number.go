package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number writes x with that many significant digits for people to read: a true minus
// sign, and powers of ten as 1.5×10⁻⁷ where the plain number would be long.
func Number(x float64, digits int) string {
	digits = max(digits, 1)
	switch {
	case math.IsNaN(x):
		return "undefined"
	case math.IsInf(x, 0):
		if x < 0 {
			return "−∞"
		}
		return "∞"
	case x == 0:
		return "0"
	}
	// Rounding can carry into the next decade: let strconv find the exponent.
	s := strconv.FormatFloat(x, 'e', digits-1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	e, _ := strconv.Atoi(exp) // strconv wrote it
	if e >= -4 && e < 6 {
		return minus(strconv.FormatFloat(x, 'f', max(0, digits-1-e), 64))
	}
	return minus(mantissa) + "×" + power(e)
}

// within writes x to a ten thousandth of the scale on which it is seen, or a little
// better.
func within(x, scale float64) string {
	decimals := 4 - int(math.Floor(math.Log10(scale)))
	if a := math.Abs(x); decimals > 9 || a >= 1e6 || (a > 0 && a < 1e-4) || !finite(a) {
		// Too long written out: as many digits as tell it from its neighbours.
		digits := 5
		if a > 0 && finite(a) {
			digits = max(3, decimals+1+int(math.Floor(math.Log10(a))))
		}
		return Number(x, min(digits, 12))
	}
	return minus(strconv.FormatFloat(x, 'f', max(decimals, 0), 64))
}

// power writes 10 to the e.
func power(e int) string { return "10" + superscript(strconv.Itoa(e)) }

var superscript = strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
	"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace

func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// plain writes x as short as it can be told from its neighbours at that step.
func plain(x, step float64) string {
	if math.Abs(x) < step*1e-9 {
		return "0"
	}
	if a := math.Abs(x); a >= 1e6 || step < 1e-4 {
		return trimmed(x)
	}
	decimals := 0
	for s := step; decimals < 6 && math.Abs(s-math.Round(s)) > 1e-6*s; s *= 10 {
		decimals++
	}
	return minus(strconv.FormatFloat(x, 'f', decimals, 64))
}

// trimmed is Number with six digits and no trailing zeros.
func trimmed(x float64) string {
	e := int(math.Floor(math.Log10(math.Abs(x))))
	if e >= -4 && e < 6 {
		return minus(strconv.FormatFloat(x, 'g', 6, 64))
	}
	m := minus(strconv.FormatFloat(x/math.Pow10(e), 'g', 6, 64))
	if m == "1" {
		return power(e)
	}
	return fmt.Sprintf("%s×%s", m, power(e))
}
