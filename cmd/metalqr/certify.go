package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/run"
)

func (a *app) certifyCommand() *cobra.Command {
	var gain, out string
	cmd := &cobra.Command{
		Use:   "certify FILE --gain G",
		Short: "Write a certificate of what is proved of a gain",
		Long: `Prove what can be proved of a gain, and write a certificate that metalqr check
verifies: that h is above its infimum by at most the gap stated; the box around it
in which ∇h has exactly one zero; for gains of several numbers that this is a local
minimiser; and Theorem 2 and Proposition 1 of the paper where they hold there. What
cannot be proved is left out, and the reason given.

--out FILE is the certificate, certificate.json unless given; a file that exists
is refused.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE:              a.does(func(args []string) error { return a.certify(args[0], gain, out) }),
	}
	gainFlag(cmd, &gain)
	cmd.Flags().StringVar(&out, "out", "certificate.json", "write the certificate to `FILE`")
	return cmd
}

// A certified document is what certify prints.
type certified struct {
	File         string                `json:"file"`
	Gap          run.Number            `json:"gap"`        // proved; null where it is not
	Stationary   *interval.Interval    `json:"stationary"` // of scalar gains
	Box          [][]interval.Interval `json:"box"`        // of others
	Minimum      bool                  `json:"minimum"`    // of others
	Theorem2     bool                  `json:"theorem_2"`
	Proposition1 bool                  `json:"proposition_1"`
	Claim        string                `json:"claim"` // what check says is proved
	Missing      []run.Missing         `json:"missing"`
	Rates        []run.Number          `json:"rates"`
	RateFrom     string                `json:"rate_from"`
}

func (a *app) certify(path, gain, out string) error {
	p, w, err := a.problemAndGain(path, gain)
	if err != nil {
		return err
	}
	if out == "" {
		return &inputError{errors.New("--out must name a file")}
	}
	c, err := p.Claim(context.Background(), w)
	if err != nil {
		return err
	}
	data, err := c.Prove(func(data []byte) (bool, string, error) {
		r, err := verify(data)
		return r.Valid, r.Reason, err
	})
	if err != nil {
		return err
	}
	verified, err := verify(data)
	if err != nil {
		return err
	}
	if err := run.Keep(filepath.Dir(out), map[string][]byte{filepath.Base(out): data}); err != nil {
		return err
	}
	point := c.Certificate.Point
	document := certified{
		File: out, Gap: run.Number(math.Inf(1)), Stationary: point.Stationary, Box: point.Box, Minimum: point.Minimum, Theorem2: point.Theorem2, Proposition1: point.Proposition1,
		Claim: verified.Claim, Missing: c.Missing, Rates: c.Rates, RateFrom: c.RateFrom,
	}
	if document.Missing == nil {
		document.Missing = []run.Missing{}
	}
	for i, m := range document.Missing {
		document.Missing[i].Reason = plainText(m.Reason)
	}
	if point.Gap != nil {
		document.Gap = run.Number(*point.Gap)
	}
	return a.print(document, func(b *bytes.Buffer) {
		fmt.Fprintf(b, "%s\n%s\n\nproved: %s\n", describeTraining(p.Family), steps(p.Family, c.Rates)+auto(p.Family, c.RateFrom), verified.Claim)
		b.WriteString(notProved(document.Missing))
		fmt.Fprintf(b, "\nmetalqr check %s   verifies it\n", shell(out))
	})
}

// notProved is a line for each reason, with all the claims that it is the reason of.
func notProved(missing []run.Missing) string {
	var reasons []string
	claims := map[string][]string{}
	for _, m := range missing {
		if claims[m.Reason] == nil {
			reasons = append(reasons, m.Reason)
		}
		claims[m.Reason] = append(claims[m.Reason], m.Claim)
	}
	var b strings.Builder
	for _, r := range reasons {
		fmt.Fprintf(&b, "not proved: %s: %s\n", strings.Join(claims[r], ", "), r)
	}
	return b.String()
}
