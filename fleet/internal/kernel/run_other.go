//go:build !amd64 || purego

package kernel

func run(slab []Vec, ops []op) { twin(slab, ops) }

// Use chooses a path by its number in Paths and returns the one before.
func Use(int) int { return 0 }
