//go:build !amd64 || purego

package simd

func best() Path { return Go }
