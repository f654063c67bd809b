//go:build !amd64 || purego

package main

// multiplyAdds knows no instruction to measure here.
func multiplyAdds() (rate float64, ok bool) { return 0, false }
