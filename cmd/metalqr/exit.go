package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"unicode"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/run"
)

const (
	done   = 0
	failed = 1 // the computation failed, and said why
	bad    = 2 // usage or input
)

// status is the exit status of an error, decided here and nowhere else.
func status(err error) int {
	switch {
	case err == nil:
		return done
	case errors.Is(err, matrixeq.ErrNoConvergence):
		return failed // of a task in order, for all that is known
	case errors.As(err, new(*usageError)),
		errors.As(err, new(*inputError)),
		errors.As(err, new(*family.Error)),
		errors.Is(err, family.ErrGain),
		errors.Is(err, run.ErrInput),
		errors.Is(err, run.ErrDirectory),
		errors.Is(err, landscape.ErrUnsupported),
		errors.Is(err, landscape.ErrRadius),
		errors.Is(err, landscape.ErrLevel),
		errors.Is(err, maml.ErrSetting):
		return bad
	}
	return failed
}

// A usageError is a command line that makes no sense.
type usageError struct {
	usage string // the command's usage line
	err   error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// An inputError is an error of reading what the user named.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// An interruptedError is a run that a signal ended, and where it is kept.
type interruptedError struct {
	directory string // empty: before there was one
	file      string
	err       error
}

func (e *interruptedError) Error() string {
	if e.directory == "" {
		return "interrupted before the first iteration; nothing was written"
	}
	return fmt.Sprintf("interrupted; to go on: metalqr train %s --out %s --resume", shell(e.file), shell(e.directory))
}

func (e *interruptedError) Unwrap() error { return e.err }

// interruptible is the context of a command that writes only at its end: the
// first signal ends it in order, a second one the program at once.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// told is the error of such a command, in words where a signal is what ended it.
func told(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errors.New("interrupted; nothing was written")
	}
	return err
}

// shell quotes a word for a shell, where it needs that.
func shell(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+=:,@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// A failure is an error as --json shows it.
type failure struct {
	Error     string `json:"error"`
	Exit      int    `json:"exit"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	Path      string `json:"path,omitempty"`
	Directory string `json:"directory,omitempty"` // of a run that can be resumed
}

// report tells the user: in words on standard error, and with --json in a
// document too, unless one was printed already.
func (a *app) report(err error) {
	message := plain(err)
	var usage *usageError
	var located *family.Error
	var stopped *interruptedError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(a.err, "metalqr: %s\nusage: %s\n", message, usage.usage)
	case errors.As(err, &located):
		fmt.Fprintln(a.err, message) // begins with file, line and column
	default:
		fmt.Fprintf(a.err, "metalqr: %s\n", message)
	}
	if !a.wantsJSON() || a.out.err != nil || errors.As(err, new(*printedError)) {
		return
	}
	f := failure{Error: message, Exit: status(err)}
	if located != nil {
		f.File, f.Line, f.Column, f.Path = located.File, located.Line, located.Column, located.Path
	}
	if errors.As(err, &stopped) {
		f.Directory = stopped.directory
	}
	a.json = true
	_ = a.print(f, func(*bytes.Buffer) {}) // its error would be the one being reported
}

// A printedError is a failure whose result was printed all the same.
type printedError struct{ reason string }

func (e *printedError) Error() string { return e.reason }

// prefix is a package's name at the beginning of an error.
var prefix = regexp.MustCompile(`(^|: )(?:certificate|check|family|landscape|lqr|maml|matrixeq|objective|report|risk|run): `)

// plain is the message of an error without the names of packages and system
// calls.
func plain(err error) string {
	var path *fs.PathError
	message := err.Error()
	if errors.As(err, &path) && message == path.Error() {
		message = path.Path + ": " + path.Err.Error()
	}
	return plainText(message)
}

// plainText is that of a message that has become text.
func plainText(message string) string { return prefix.ReplaceAllString(message, "$1") }
