package landscape

import "fmt"

// KindError says that a family has other tasks than LQR ones on an infinite
// horizon, of which alone landscapes are proved and gaps certified.
type KindError struct {
	Has string // what it has
}

func (e *KindError) Error() string {
	return fmt.Sprintf("landscape: what is proved is proved of LQR tasks on an infinite horizon; this family has %s", e.Has)
}

func (e *KindError) Unwrap() error { return ErrUnsupported }
