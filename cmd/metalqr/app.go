package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

// An app is one invocation: where it writes, and what every command accepts.
type app struct {
	out    *output   // standard output: what was asked for
	err    io.Writer // standard error: progress, warnings, errors
	args   []string
	json   bool
	quiet  bool
	detail bool // -v

	begun bool // a command's own work has begun: its usage was right
}

// execute is the whole program, and returns the exit status.
func execute(args []string, stdout, stderr io.Writer) int {
	a := &app{out: &output{w: stdout}, err: stderr, args: args}
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	switch {
	case a.out.err != nil:
		err = a.out.err
	case err != nil && !a.begun:
		err = &usageError{cmd.UseLine(), err}
	}
	if err != nil {
		a.report(err)
	}
	return status(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "metalqr COMMAND",
		Short: "Meta-learn gains for families of linear-quadratic tasks, exactly",
		Long: `metalqr meta-learns gains for families of linear-quadratic tasks, exactly.

Given related linear systems with quadratic costs, it finds the gain W from
which one policy-gradient step, or a few, lands near every system's own optimum,
and says how far that gain can be from the best.

  metalqr init > fleet.yaml       a commented family file to start from
  metalqr train fleet.yaml        the gain, with its evidence, in a run directory
  metalqr adapt fleet.yaml --gain runs/my-family/001/gain.csv --steps 5

With --json a command prints one JSON document on standard output and nothing
else there. Exit status: 0, done; 1, the computation failed or was interrupted;
2, bad usage or bad input.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
		Args:                       cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("which command? metalqr --help lists them")
			}
			return unknown(cmd, args[0])
		},
	}
	root.SetOut(a.out) // before the completion command, which keeps it
	root.SetErr(a.err)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON document on standard output and nothing else there")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no warnings")
	flags.BoolVarP(&a.detail, "verbose", "v", false, "every task, every condition, every iteration")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.SetVersionTemplate("metalqr {{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(a.initCommand(), a.solveCommand(), a.evalCommand(), a.trainCommand(), a.adaptCommand(), a.compareCommand(), a.landscapeCommand(), a.radiusCommand(), a.certifyCommand(), a.checkCommand(), a.paperCommand(), a.versionCommand())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" { // by itself it would succeed, whatever its argument
			cmd.RunE = func(*cobra.Command, []string) error {
				return fmt.Errorf("for which shell? bash, fish, powershell or zsh")
			}
		}
	}
	return root
}

// unknown is the error about a command that there is not.
func unknown(root *cobra.Command, name string) error {
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return fmt.Errorf("unknown command %q; did you mean %s?", name, near[0])
	}
	return fmt.Errorf("unknown command %q; metalqr --help lists them", name)
}

func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknown(root, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// usageTemplate is cobra's, shortened.
const usageTemplate = `Usage:
  {{.UseLine}}
{{- if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// does makes the body of a command: once it runs, errors are no longer about
// usage.
func (a *app) does(body func(args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		a.begun = true
		return body(args)
	}
}

// file is the argument list of a command about one family file.
func file(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("FILE is missing: a family file, or - for standard input")
	case 1:
		return nil
	}
	return fmt.Errorf("one FILE is expected, found %d arguments: %q", len(args), args)
}

// completeFile completes the argument of such a command.
func completeFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// gainFlag adds --gain, which must be given.
func gainFlag(cmd *cobra.Command, gain *string) {
	cmd.Flags().StringVar(gain, "gain", "", "`FILE` with the gain: CSV, NPY or JSON, inputs by states")
	for _, err := range []error{
		cmd.MarkFlagRequired("gain"),
		cmd.MarkFlagFilename("gain", "csv", "npy", "json"),
	} {
		if err != nil {
			panic(err) // there is no such flag
		}
	}
}

// read reads a family.
func (a *app) read(path string) (*family.Family, error) {
	f, err := run.Read(path)
	if err != nil {
		return nil, &inputError{err}
	}
	return f, nil
}

// print writes a document, or what text writes into the buffer.
func (a *app) print(document any, text func(*bytes.Buffer)) error {
	var b bytes.Buffer
	if a.json {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(document); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

// note is where people are told what a computation is about to do: beside its
// result, or where that is a document, on standard error.
func (a *app) note() io.Writer {
	switch {
	case a.quiet:
		return io.Discard
	case a.json:
		return a.err
	}
	return a.out
}

// warn is where warnings go.
func (a *app) warn() io.Writer {
	if a.quiet {
		return io.Discard
	}
	return a.err
}

// wantsJSON tells whether --json was given, even where parsing stopped before
// it.
func (a *app) wantsJSON() bool { return a.json || slices.Contains(a.args, "--json") }

// An output remembers the first error of writing.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	var n int
	n, o.err = o.w.Write(b)
	return n, o.err
}
