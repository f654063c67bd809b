package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/metalqr/metalqr/report"
)

func (a *app) paperCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "paper [FIGURE…]",
		Short: "The figures of the paper computed anew, and its sentences checked",
		Long: `Compute the figures of "Global Convergence of MAML for LQR" (arXiv 2006.00453)
anew, and say of each sentence about them whether it holds, by which number, and
whether that is proved. The families are reconstructed from the paper's text, and
carried along: no file is read.

  1, 2a, 2b, 3a, 3b, 3c, 3d   the figures
  remedies                    what removes Figure 2's spurious minimisers
  similarity                  ε against the distance of the tasks
  tasks                       the landscape against the number of tasks
  corrections                 where the paper's text needs one

Without names it is all of them. --out DIR writes the figures as SVG, PNG and PDF,
the families, their certificates, which metalqr check verifies, and all tables as
paper.md and paper.json; files that exist are refused. Without --out nothing is
written.`,
		Args:      func(_ *cobra.Command, args []string) error { return report.CheckPaperNames(args) },
		ValidArgs: report.PaperNames(),
		RunE:      a.does(func(args []string) error { return a.paper(args, out) }),
	}
	cmd.Flags().StringVar(&out, "out", "", "write figures, certificates and tables in `DIR`")
	if err := cmd.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

func (a *app) paper(names []string, out string) error {
	ctx, stop := interruptible()
	defer stop()

	bar := a.figures(len(names))
	p, err := report.StudyPaper(ctx, names, bar.begin)
	bar.end()
	if err != nil {
		return told(ctx, err)
	}
	var files []string
	if out != "" {
		if files, err = p.Keep(out); err != nil {
			return err
		}
	}
	return a.print(struct {
		*report.Paper
		Files []string `json:"files,omitempty"`
	}{p, files}, func(b *bytes.Buffer) { a.printPaper(b, p, out, len(files)) })
}

func (a *app) printPaper(b *bytes.Buffer, p *report.Paper, out string, files int) {
	b.WriteString(wrapped(p.Source+". The families are reconstructed from its text. Sentences are the paper's, in our words; those marked + are remarks of ours.", screen))
	for _, f := range p.All() {
		fmt.Fprintf(b, "\n%s\n%s\n", f.Heading(), wrapped(f.Setup, screen))
		t := table{columns: []column{text(""), text("value"), text("how"), text("sentence, and what was found")}}
		for j := range f.Claims {
			c := &f.Claims[j]
			value := "–"
			if c.Value != nil {
				value = fmt.Sprintf("%.6g", float64(*c.Value))
			}
			sentence := c.Sentence
			if c.Ours {
				sentence = "+ " + sentence
			}
			lines := strings.Split(strings.TrimSuffix(wrapped(sentence, screen-sentenceAt)+wrapped("→ "+c.Finding, screen-sentenceAt), "\n"), "\n")
			t.row(c.Verdict(), value, string(c.How), lines[0])
			for _, line := range lines[1:] {
				t.row("", "", "", line)
			}
		}
		t.print(b)
		for _, m := range f.Measured {
			fmt.Fprintf(b, "\n%s", wrapped(m.Name, screen))
			t := table{}
			for _, name := range m.Columns {
				t.columns = append(t.columns, numbers(name))
			}
			for _, row := range m.Rows {
				var cells []string
				for _, x := range row {
					cells = append(cells, fmt.Sprintf("%.4g", float64(x)))
				}
				t.row(cells...)
			}
			t.print(b)
		}
	}
	if out != "" {
		fmt.Fprintf(b, "\n%s in %s; the tables are %s\n", count(files, "file"), out, filepath.Join(out, "paper.md"))
	}
}

// screen is how wide text may be, and sentenceAt the column in which the sentences
// of a paper's tables begin.
const (
	screen     = 100
	sentenceAt = 30
)

// wrapped breaks text at spaces into lines of a width, each with its end.
func wrapped(s string, limit int) string {
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(s) {
		switch n := width(word); {
		case at == 0:
			at = n
		case at+1+n > limit:
			b.WriteByte('\n')
			at = n
		default:
			b.WriteByte(' ')
			at += 1 + n
		}
		b.WriteString(word)
	}
	if at > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// figures shows which figure is being computed, on a terminal, from the first
// second on; of is how many, 0 for all.
func (a *app) figures(of int) *figureBar {
	if of == 0 {
		of = len(report.PaperNames())
	}
	bar := &figureBar{of: of, begun: time.Now()}
	if f, ok := a.err.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) {
		bar.w = f
	}
	return bar
}

type figureBar struct {
	w        io.Writer
	of, done int
	begun    time.Time
	shown    *progressbar.ProgressBar
}

func (f *figureBar) begin(name string) {
	f.done++
	if f.w == nil || time.Since(f.begun) < patience && name != "tasks" { // which takes longest
		return
	}
	if f.shown == nil {
		f.shown = progressbar.NewOptions(f.of, progressbar.OptionSetWriter(f.w), progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	}
	f.shown.Describe(name)
	_ = f.shown.Set(f.done - 1) // a bar is not worth an error
}

func (f *figureBar) end() {
	if f.shown != nil {
		_ = f.shown.Clear() // a terminal that went away needs no clearing
	}
}
