package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/metalqr/metalqr/maml"
)

// A checkpoint is all that a run needs to go on. It is written at most a few
// times a second; the rows of the trace that belong to it are on the disk
// before it is.
type checkpoint struct {
	Format     int         `json:"format"`
	Version    string      `json:"version"` // of the program: another may round otherwise
	State      *maml.State `json:"state"`
	TraceBytes int64       `json:"trace_bytes"`
	TraceHash  string      `json:"trace_sha256"` // of those bytes
	Hash       string      `json:"sha256"`       // of the above: see sum
}

const (
	checkpointFormat = 2
	// checkpointEvery bounds what a killed run does again, and keeps the cost
	// of syncing to the disk out of short runs.
	checkpointEvery = 250 * time.Millisecond
)

// sum is the SHA-256 of the checkpoint as JSON without spaces, its own hash "".
// A file that was altered anywhere that counts does not have it.
func (c checkpoint) sum() (string, error) {
	c.Hash = ""
	data, err := json.Marshal(c)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// traceHeader names the columns of trace.csv.
const traceHeader = "iteration,value,gap,gradient_norm,step,backtracks,left_domain,no_decrease,no_agreement\n"

// A file is what a recorder needs of an *os.File.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

// A recorder writes trace, times and checkpoints while a run proceeds.
type recorder struct {
	dir           *directory
	state         *maml.State
	version       string
	trace, timing file
	rows, times   bytes.Buffer // not on the disk yet
	traced        hash.Hash    // of the trace that is
	last          checkpoint   // of the newest iterate, written or not
	begun, saved  time.Time
}

// record opens the trace of a run at its start, or where checkpoint.json says
// that it stood, and sets the state to that. Rows beyond it are cut off: they
// will be made again.
func record(dir *directory, state *maml.State, version string) (*recorder, error) {
	r := &recorder{dir: dir, state: state, version: version, traced: sha256.New(), begun: time.Now(), saved: time.Now()}
	data, err := os.ReadFile(dir.file(checkpointFile))
	switch {
	case err == nil:
		if err := r.last.read(data, len(state.X), version); err != nil {
			return nil, &DirectoryError{dir.file(checkpointFile), err.Error()}
		}
		*state = *r.last.State
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	trace, err := r.openTrace(dir.file(traceFile))
	if err != nil {
		return nil, err
	}
	timing, timed, err := openEnd(dir.file(timingFile))
	if err == nil {
		err = syncDirectory(dir.path) // the checkpoint counts on the trace's name
	}
	if err != nil {
		trace.Close()
		return nil, err
	}
	r.trace, r.timing = trace, timing
	if r.last.TraceBytes == 0 {
		r.rows.WriteString(traceHeader)
	}
	if timed == 0 {
		r.times.WriteString("iteration,seconds\n")
	}
	return r, nil
}

// anew is what to do about a directory that cannot be gone on with.
const anew = "begin the run again in another --out"

// read takes the checkpoint of a run in dim parameters by a version of the
// program from the bytes of a file.
func (c *checkpoint) read(data []byte, dim int, version string) error {
	if err := json.Unmarshal(data, c); err != nil {
		return fmt.Errorf("is damaged (%v): %s", err, anew)
	}
	sum, err := c.sum()
	if err != nil {
		return err
	}
	switch s := c.State; {
	case c.Format != checkpointFormat:
		return fmt.Errorf("has format %d, this program reads %d: resume with the program that wrote it, or %s", c.Format, checkpointFormat, anew)
	case c.Version != version:
		return fmt.Errorf("was written by version %s, this is %s, which may not end with the same bits: resume with that version, or %s", c.Version, version, anew)
	case c.Hash != sum:
		return fmt.Errorf("is damaged (its SHA-256 is %s, it says %q): %s", sum, c.Hash, anew)
	case s == nil || s.Evaluations < 1 || s.Iteration < 0 || c.TraceBytes < int64(len(traceHeader)):
		return fmt.Errorf("is damaged (it lacks the state, or the length of the trace): %s", anew)
	case len(s.X) != dim:
		return fmt.Errorf("is damaged (its gain has %d entries, that of this family %d): %s", len(s.X), dim, anew)
	case s.Best != nil && len(s.Best.X) != dim:
		return fmt.Errorf("is damaged (its best gain has %d entries, that of this family %d): %s", len(s.Best.X), dim, anew)
	}
	for _, p := range c.State.Pairs {
		if len(p.S) != dim || len(p.Y) != dim {
			return fmt.Errorf("is damaged (a pair of L-BFGS has %d and %d entries, a gain of this family %d): %s", len(p.S), len(p.Y), dim, anew)
		}
	}
	return nil
}

// openEnd opens a file for appending, and returns its size.
func openEnd(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, 0, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
	}
	return f, end, err
}

// openTrace opens the trace for appending after the bytes that the checkpoint
// counts on, which have to be those it was written with.
func (r *recorder) openTrace(path string) (*os.File, error) {
	f, end, err := openEnd(path)
	if err != nil {
		return nil, err
	}
	size := r.last.TraceBytes
	if end < size {
		err = &DirectoryError{path, fmt.Sprintf("is damaged (it has %d bytes, but the checkpoint counts on %d): %s", end, size, anew)}
	} else if _, err = io.Copy(r.traced, io.NewSectionReader(f, 0, size)); err == nil && size > 0 && r.traceHash() != r.last.TraceHash {
		err = &DirectoryError{path, fmt.Sprintf("is damaged (its first %d bytes are not those that the checkpoint counts on): %s", size, anew)}
	}
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// traceHash is the SHA-256 of the trace on the disk.
func (r *recorder) traceHash() string { return hex.EncodeToString(r.traced.Sum(nil)) }

// observe is called after every iteration.
func (r *recorder) observe(m maml.Record) error {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	gap := ""
	if m.Gap != nil {
		gap = number(*m.Gap)
	}
	b := m.Backtracks
	before := r.rows.Len()
	fmt.Fprintf(&r.rows, "%d,%s,%s,%s,%s,%d,%d,%d,%d\n", m.Iteration, number(m.Value), gap, number(m.GradientNorm),
		number(m.Step), b.Total(), b.Domain, b.Decrease, b.Agreement)
	fmt.Fprintf(&r.times, "%d,%.6f\n", m.Iteration, time.Since(r.begun).Seconds())
	if r.last.State == nil {
		before = 0 // the header goes with the first row
	}
	state := *r.state // its slices are never written to
	r.last = checkpoint{Format: checkpointFormat, Version: r.version, State: &state, TraceBytes: r.last.TraceBytes + int64(r.rows.Len()-before)}
	if time.Since(r.saved) < checkpointEvery {
		return nil
	}
	return r.save()
}

// save puts the trace on the disk, and then the checkpoint that counts on it.
func (r *recorder) save() error {
	r.traced.Write(r.rows.Bytes())
	if _, err := r.rows.WriteTo(r.trace); err != nil {
		return err
	}
	if err := r.trace.Sync(); err != nil {
		return err
	}
	if _, err := r.times.WriteTo(r.timing); err != nil {
		return err
	}
	if r.last.State == nil {
		return nil
	}
	r.saved = time.Now()
	r.last.TraceHash = r.traceHash()
	sum, err := r.last.sum()
	if err != nil {
		return err
	}
	r.last.Hash = sum
	return r.dir.writeJSON(checkpointFile, r.last)
}

// close saves the newest iterate and closes the files.
func (r *recorder) close() error {
	return errors.Join(r.save(), r.trace.Close(), r.timing.Close())
}
