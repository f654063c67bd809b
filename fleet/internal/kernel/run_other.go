//go:build !amd64 || purego

package kernel

func run(slab []Vec, ops []op) { twin(slab, ops) }

// Paths are the names of the implementations that this processor has, and Use
// chooses one by its number: for tests, while nothing runs.
func Paths() []string { return []string{"go"} }

// Use chooses a path by its number in Paths and returns the one before.
func Use(int) int { return 0 }
