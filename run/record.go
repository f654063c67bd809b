package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	State      *maml.State `json:"state"`
	TraceBytes int64       `json:"trace_bytes"`
}

const (
	checkpointFormat = 1
	// checkpointEvery bounds what a killed run does again, and keeps the cost
	// of syncing to the disk out of short runs.
	checkpointEvery = 250 * time.Millisecond
)

// traceHeader names the columns of trace.csv.
const traceHeader = "iteration,value,gap,gradient_norm,step,backtracks,left_domain,no_decrease,no_agreement\n"

// A recorder writes trace, times and checkpoints while a run proceeds.
type recorder struct {
	dir           *directory
	state         *maml.State
	trace, timing *os.File
	rows, times   bytes.Buffer // not on the disk yet
	last          checkpoint   // of the newest iterate, written or not
	begun, saved  time.Time
}

// record opens the trace of a run at its start, or where checkpoint.json says
// that it stood, and sets the state to that. Rows beyond it are cut off: they
// will be made again.
func record(dir *directory, state *maml.State) (*recorder, error) {
	r := &recorder{dir: dir, state: state, begun: time.Now(), saved: time.Now()}
	data, err := os.ReadFile(dir.file(checkpointFile))
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &r.last); err != nil {
			return nil, &DirectoryError{dir.file(checkpointFile), fmt.Sprintf("cannot be read: %v", err)}
		}
		if r.last.Format != checkpointFormat || r.last.State == nil || len(r.last.State.X) != len(state.X) {
			return nil, &DirectoryError{dir.file(checkpointFile), fmt.Sprintf("has format %d, not %d", r.last.Format, checkpointFormat)}
		}
		*state = *r.last.State
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if r.trace, err = openAt(dir.file(traceFile), r.last.TraceBytes); err != nil {
		return nil, err
	}
	if r.timing, err = openAt(dir.file(timingFile), -1); err != nil {
		r.trace.Close()
		return nil, err
	}
	if r.last.TraceBytes == 0 {
		r.rows.WriteString(traceHeader)
	}
	if end, err := r.timing.Seek(0, io.SeekEnd); err == nil && end == 0 {
		r.times.WriteString("iteration,seconds\n")
	}
	return r, nil
}

// openAt opens a file for appending after its first size bytes, or all of it
// for a negative size.
func openAt(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil && size >= 0 {
		if end < size {
			err = &DirectoryError{path, fmt.Sprintf("has %d bytes, but the checkpoint counts on %d", end, size)}
		} else if err = f.Truncate(size); err == nil {
			_, err = f.Seek(size, io.SeekStart)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

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
	r.last = checkpoint{Format: checkpointFormat, State: &state, TraceBytes: r.last.TraceBytes + int64(r.rows.Len()-before)}
	if time.Since(r.saved) < checkpointEvery {
		return nil
	}
	return r.save()
}

// save puts the trace on the disk, and then the checkpoint that counts on it.
func (r *recorder) save() error {
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
	return r.dir.writeJSON(checkpointFile, r.last)
}

// close saves the newest iterate and closes the files.
func (r *recorder) close() error {
	return errors.Join(r.save(), r.trace.Close(), r.timing.Close())
}
