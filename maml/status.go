package maml

import "fmt"

// A Status says how a run ended.
type Status int

const (
	Running        Status = iota // not ended
	Converged                    // the gradient is within Stop.Tolerance
	IterationLimit               // Stop.Iterations were made
	Stalled                      // no step lowers h by more than rounding
	LeftDomain                   // an unsafeguarded step left the domain
	Stopped                      // the context was cancelled
)

var statusNames = [...]string{"running", "converged", "iteration-limit", "stalled", "left-domain", "stopped"}

func (s Status) String() string { return nameOf(statusNames[:], int(s)) }

// MarshalText writes the name.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *Status) UnmarshalText(text []byte) error {
	i, err := indexOf(statusNames[:], text, "status")
	*s = Status(i)
	return err
}

// A Kind says what a stationary point is, as far as the Hessian tells.
type Kind int

const (
	Unclassified Kind = iota // the run did not converge, or the spectrum is known from inside only
	Minimum                  // λ_min > 0
	Saddle                   // λ_min < 0 < λ_max
	Maximum                  // λ_max < 0
	Degenerate               // an extreme eigenvalue is zero to the accuracy of the gradient
)

var kindNames = [...]string{"unclassified", "minimum", "saddle", "maximum", "degenerate"}

func (k Kind) String() string { return nameOf(kindNames[:], int(k)) }

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name.
func (k *Kind) UnmarshalText(text []byte) error {
	i, err := indexOf(kindNames[:], text, "kind")
	*k = Kind(i)
	return err
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("number %d", i)
	}
	return names[i]
}

func indexOf(names []string, text []byte, what string) (int, error) {
	for i, n := range names {
		if n == string(text) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("maml: unknown %s %.40q", what, text)
}
