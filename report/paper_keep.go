package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

// Keep writes a paper into a directory, which is made where there is none:
//
//	paper.json, paper.md              all tables
//	figure-1.svg, .png, .pdf          a figure; the studies' are named after them
//	figure-1.yaml                     a family as it was proved
//	figure-1-certificate.json         its proof, which metalqr check verifies
//
// It returns the paths written. Where one exists, nothing is written and the error
// is a *run.DirectoryError.
func (p *Paper) Keep(dir string) ([]string, error) {
	files := map[string][]byte{"paper.md": p.Markdown()}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, err
	}
	files["paper.json"] = append(data, '\n')
	for _, f := range p.All() {
		if f.figure != nil {
			if err := f.figure.files(files, f.file()); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		for _, l := range f.kept {
			proof, err := l.Certificate()
			if err != nil {
				return nil, err
			}
			files[l.Family+"-certificate.json"] = proof
			files[l.Family+".yaml"] = family.Format(l.Problem().Family)
		}
	}
	if err := run.Keep(dir, files); err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths, nil
}

// IsStudy tells a study from a figure of the paper.
func (f *PaperFigure) IsStudy() bool { return f.Name[0] < '0' || f.Name[0] > '9' }

func (f *PaperFigure) file() string {
	if f.IsStudy() {
		return f.Name
	}
	return "figure-" + f.Name
}

// Heading names the figure as a headline does.
func (f *PaperFigure) Heading() string {
	if f.IsStudy() {
		return capital(f.Title)
	}
	return "Figure " + f.Name + ": " + f.Title
}

// capital makes a sentence of words that begin with a letter of ASCII.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Verdict says in a word whether the sentence of a claim holds.
func (c *Claim) Verdict() string {
	switch {
	case c.Holds:
		return "holds"
	case c.How == Read:
		return "slip"
	}
	return "fails"
}

// Markdown is the paper's tables as a document.
func (p *Paper) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The figures of the paper, computed anew\n\n%s. ", p.Source)
	b.WriteString("The families are reconstructed from what it says about its figures: its table of parameters was not available. " +
		"Sentences are the paper's in our words; those in italics are remarks of ours. " +
		"*Proved* means in intervals, or exactly.\n")
	cell := strings.NewReplacer("|", "\\|", "*", "\\*").Replace
	for _, f := range p.All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n", f.Heading(), cell(capital(f.Setup)))
		if f.figure != nil {
			fmt.Fprintf(&b, "\n![%s](%s.svg)\n", f.Heading(), f.file())
		}
		b.WriteString("\n| | sentence | value | found | how |\n|---|---|---|---|---|\n")
		for j := range f.Claims {
			c := &f.Claims[j]
			sentence, value := cell(c.Sentence), "–"
			if c.Ours {
				sentence = "*" + sentence + "*"
			}
			if c.Value != nil {
				value = six(*c.Value)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Verdict(), sentence, value, cell(c.Finding), c.How)
		}
		for _, m := range f.Measured {
			fmt.Fprintf(&b, "\n%s:\n\n| %s |\n|%s\n", capital(m.Name), strings.Join(m.Columns, " | "), strings.Repeat("---|", len(m.Columns)))
			for _, row := range m.Rows {
				b.WriteString("|")
				for _, x := range row {
					fmt.Fprintf(&b, " %s |", six(x))
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.Bytes()
}
