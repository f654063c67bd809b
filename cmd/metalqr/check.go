package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/check"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check CERTIFICATE",
		Short: "Verify a certificate, by none of the code that made it",
		Long: `Verify a certificate of landscape, radius or certify, and say in a sentence what is
proved. The checker shares with the code that makes certificates only interval
arithmetic and the reader of families. A certificate that was altered, or whose
claim is not proved by it, is refused with the reason; the exit status is 1.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("one CERTIFICATE is expected, or - for standard input; found %d arguments", len(args))
			}
			return nil
		},
		RunE: a.does(func(args []string) error { return a.check(args[0]) }),
	}
}

// maxCertificate bounds what is read, as the limit of a family file does.
const maxCertificate = 1 << 28

func (a *app) check(path string) error {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return &inputError{err}
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() > maxCertificate {
			return tooLarge(path)
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxCertificate+1))
	if err != nil {
		return &inputError{err}
	}
	if len(data) > maxCertificate {
		return tooLarge(path)
	}
	r, err := check.Check(data)
	if err != nil {
		return &inputError{fmt.Errorf("%s: %w", path, err)}
	}
	r.Reason = plainText(r.Reason)
	err = a.print(r, func(b *bytes.Buffer) {
		if r.Valid {
			fmt.Fprintf(b, "valid: %s\n", r.Claim)
		} else {
			fmt.Fprintf(b, "not valid: %s\n", r.Reason)
		}
	})
	if err == nil && !r.Valid {
		err = &printedError{"the certificate is not valid: " + r.Reason}
	}
	return err
}

// verify puts a certificate of ours to the checker; what it does not know is not
// verified.
func verify(data []byte) (check.Report, error) {
	r, err := check.Check(data)
	switch {
	case errors.Is(err, check.ErrUnsupported):
		return check.Report{Reason: err.Error()}, nil
	case err != nil:
		return check.Report{}, err
	}
	return *r, nil
}

func tooLarge(path string) error {
	return &inputError{fmt.Errorf("%s: more than %d MiB; a certificate is smaller", path, maxCertificate>>20)}
}
