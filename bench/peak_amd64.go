//go:build !purego

package main

import (
	"time"

	"golang.org/x/sys/cpu"
)

// fma512 and fma256 run rounds of twelve independent fused multiply-adds, on
// eight or four numbers each, of zeros.
//
//go:noescape
func fma512(rounds int64)

//go:noescape
func fma256(rounds int64)

// multiplyAdds measures the processor's peak, in operations a second, two for
// each number of a multiply-add: the best of many short runs on one core, which
// what else runs on the machine can only lower. ok is false where no such
// instruction is known.
func multiplyAdds() (rate float64, ok bool) {
	run, width := fma512, 8.0
	switch {
	case cpu.X86.HasAVX512F:
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		run, width = fma256, 4
	default:
		return 0, false
	}
	const rounds = 20_000
	for range 2000 {
		begin := time.Now()
		run(rounds)
		rate = max(rate, rounds*12*2*width/time.Since(begin).Seconds())
	}
	return rate, true
}
