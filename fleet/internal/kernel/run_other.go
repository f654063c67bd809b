//go:build !amd64 || purego

package kernel

func run(slab []Vec, ops []op) { twin(slab, ops) }
