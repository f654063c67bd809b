package run

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a run directory. Each but the two that grow is written beside
// and renamed into place, so that it is whole or absent. Others are left alone.
const (
	specFile        = "spec.yaml"       // the family as run: every drawn task, every default
	checkpointFile  = "checkpoint.json" // the state after some iteration
	traceFile       = "trace.csv"       // one row an iteration
	timingFile      = "timing.csv"      // seconds, not hashed; locked while a process works here
	resultFile      = "result.json"
	gainCSV         = "gain.csv"
	gainNPY         = "gain.npy"
	adaptedCSV      = "adapted.csv"
	adaptedNPY      = "adapted.npy"
	landscapeFile   = "landscape.json"
	certificateFile = "certificate.json"
	manifestFile    = "manifest.json" // command, version, seeds, SHA-256 of the hashed files

	beside = ".tmp" // ends the name of a file that is being written
)

// hashedFiles have the same bits however often a run was interrupted.
var hashedFiles = []string{specFile, checkpointFile, traceFile, resultFile, gainCSV, gainNPY, adaptedCSV, adaptedNPY}

// A DirectoryError says why a directory cannot hold this run.
type DirectoryError struct {
	Path    string
	Problem string
}

func (e *DirectoryError) Error() string { return e.Path + " " + e.Problem }

// Unwrap makes it match [ErrDirectory].
func (e *DirectoryError) Unwrap() error { return ErrDirectory }

// A directory is an open run directory, locked against other processes.
type directory struct {
	path string
	lock *os.File
}

// open locks a directory that exists.
func open(path string) (*directory, error) {
	file := filepath.Join(path, timingFile)
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	switch free, err := tryLock(f); {
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", file, err)
	case !free:
		f.Close()
		return nil, &DirectoryError{path, "is in use by another process: wait for it to end, or give another --out"}
	}
	return &directory{path, f}, nil
}

// close lets other processes in.
func (d *directory) close() error { return d.lock.Close() }

// numbered makes root/name/001, or the first number after the greatest there.
func numbered(root, name string) (*directory, error) {
	parent := filepath.Join(root, safeName(name))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil, err
	}
	last := 0
	for _, e := range entries {
		var k int
		if _, err := fmt.Sscanf(e.Name(), "%d", &k); err == nil {
			last = max(last, k)
		}
	}
	for k := last + 1; ; k++ {
		path := filepath.Join(parent, fmt.Sprintf("%03d", k))
		// Mkdir decides between two runs that ask at once.
		if err := os.Mkdir(path, 0o777); err == nil {
			return made(path)
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

// safeName is a family's name as one element of a path.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "."); name == "" {
		return "family"
	}
	return name[:min(len(name), 80)]
}

// fresh makes a directory that must not exist.
func fresh(path string) (*directory, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	if err := os.Mkdir(path, 0o777); errors.Is(err, fs.ErrExist) {
		return nil, existsError(path)
	} else if err != nil {
		return nil, err
	}
	return made(path)
}

// made opens a directory just made, its name on the disk.
func made(path string) (*directory, error) {
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return open(path)
}

func existsError(path string) error {
	return &DirectoryError{path, "exists: give another --out, or --resume to continue a run there"}
}

// reopen opens a directory to resume spec in it, or makes it. What it holds
// must be a run of the same spec, or nothing yet.
func reopen(path string, spec []byte) (*directory, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		d, err := fresh(path)
		if !errors.Is(err, ErrDirectory) {
			return d, err
		}
		entries, err = os.ReadDir(path) // another process was quicker
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	// Before the first file of a run is whole there is only what led to it.
	began := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == specFile })
	for _, e := range entries {
		if name := e.Name(); !began && name != specFile+beside && name != timingFile {
			return nil, &DirectoryError{path, fmt.Sprintf("holds %s but no %s: it is not a run directory", name, specFile)}
		}
	}
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	switch had, err := os.ReadFile(d.file(specFile)); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		d.close()
		return nil, err
	case !bytes.Equal(had, spec):
		d.close()
		return nil, &DirectoryError{path, "holds a run of another spec" + firstDifference(had, spec) + ": it is left as it is; give the file that it was begun with, or another --out"}
	}
	return d, nil
}

// firstDifference names the first line in which two specs differ.
func firstDifference(a, b []byte) string {
	had, now := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range max(len(had), len(now)) {
		var x, y []byte
		if i < len(had) {
			x = had[i]
		}
		if i < len(now) {
			y = now[i]
		}
		if !bytes.Equal(x, y) {
			cut := func(s []byte) []byte { return s[:min(len(s), 60)] }
			return fmt.Sprintf(" (line %d of %s: %q there, %q here)", i+1, specFile, cut(x), cut(y))
		}
	}
	return ""
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// write puts a whole file in place: beside, to the disk, renamed, and the name
// to the disk.
func (d *directory) write(name string, data []byte) error {
	return d.writeBy(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeBy is write of what body writes.
func (d *directory) writeBy(name string, body func(w io.Writer) error) error {
	path := d.file(name)
	f, err := os.Create(path + beside)
	if err != nil {
		return err
	}
	err = body(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+beside, path)
	}
	if err == nil {
		err = syncDirectory(d.path)
	}
	return err
}

// writeJSON writes v, indented, with a final newline.
func (d *directory) writeJSON(name string, v any) error {
	return d.writeBy(name, func(f io.Writer) error {
		w := bufio.NewWriterSize(f, 1<<16)
		if err := json.NewEncoder(&indenter{w: w}).Encode(v); err != nil {
			return err
		}
		return w.Flush()
	})
}

// encode is a document as a file holds it.
func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return append(data, '\n'), err
}

// A Manifest says what made a run directory and what it holds.
type Manifest struct {
	Command []string          `json:"command"`
	Version string            `json:"version"`
	Family  string            `json:"family"`
	Seeds   map[string]uint64 `json:"seeds"`
	Files   map[string]string `json:"files"` // SHA-256 of every file of the run but the times
}

// manifest hashes the files of the run, and removes what an interrupted write
// of one left behind.
func (d *directory) manifest(m Manifest) error {
	m.Files = map[string]string{}
	for _, name := range hashedFiles {
		if err := os.Remove(d.file(name + beside)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sum, err := hashFile(d.file(name))
		if err != nil {
			return err
		}
		m.Files[name] = hex.EncodeToString(sum)
	}
	return d.writeJSON(manifestFile, m)
}

// hashFile is the SHA-256 of a file.
func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// Keep writes files into a directory, by name, which is made where there is none.
// Where one of them exists, nothing is written and the error is a *[DirectoryError].
func Keep(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	d := &directory{path: dir}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(d.file(name)); err == nil {
			return &DirectoryError{Path: d.file(name), Problem: "exists: give another --out"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range names {
		if err := d.write(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}
