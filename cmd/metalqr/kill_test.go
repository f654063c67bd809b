package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// hashes are the SHA-256 of every file but the times and the manifest, which
// holds the same, and is checked against them where it is there.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, e := range entries {
		if e.Name() == "timing.csv" || e.Name() == "manifest.json" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		sums[e.Name()] = hex.EncodeToString(sum[:])
	}
	var m struct{ Files map[string]string }
	switch data, err := os.ReadFile(filepath.Join(dir, "manifest.json")); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		t.Fatal(err)
	default:
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		same(t, m.Files, sums)
	}
	return sums
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, sum := range want {
		if got[name] != sum {
			t.Errorf("%s has other bits, or is not there", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}

// program is the program in a process of its own.
func program(t *testing.T, stderr *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// interrupt sends a signal after a while and waits for the end. It tells
// whether the program was still running.
func interrupt(t *testing.T, cmd *exec.Cmd, s os.Signal, after time.Duration) bool {
	t.Helper()
	time.Sleep(after)
	if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err != nil
}

// Whenever a run is killed, and however often, going on with it ends with the
// same bits in every hashed file as a run left alone.
func TestKilledAndResumed(t *testing.T) {
	t.Run("a long run", func(t *testing.T) {
		runs, kills := 7, 3
		if testing.Short() {
			runs, kills = 2, 2
		}
		killAndResume(t, slow(t), runs, kills)
	})
	t.Run("a short run", func(t *testing.T) { // whose end is as likely to be hit as its middle
		runs := 10
		if testing.Short() {
			runs = 3
		}
		killAndResume(t, testdata(t, "boeing-published.yaml"), runs, 2)
	})
}

// slow is a family whose training takes a second or two; fewer iterations when
// the time is short.
func slow(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(testdata(t, "slow.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		data = bytes.Replace(data, []byte("iterations: 60000"), []byte("iterations: 15000"), 1)
	}
	return write(t, "slow.yaml", string(data))
}

func killAndResume(t *testing.T, path string, runs, kills int) {
	t.Chdir(t.TempDir())
	var stderr bytes.Buffer
	begun := time.Now()
	if err := program(t, &stderr, "train", path, "--out", "undisturbed", "-q").Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	whole := time.Since(begun)
	want := hashes(t, "undisturbed")

	rng := rand.New(rand.NewPCG(1, 20))
	killed, checkpoints, finished := 0, 0, 0
	for k := range runs {
		dir := filepath.Join("killed", string(rune('a'+k)))
		for range kills {
			// Anywhere within a run; sometimes within its first writes.
			after := time.Duration(rng.Int64N(int64(whole)))
			if rng.IntN(4) == 0 {
				after = time.Duration(rng.Int64N(int64(20 * time.Millisecond)))
			}
			if interrupt(t, program(t, &stderr, "train", path, "--out", dir, "--resume", "-q"), syscall.SIGKILL, after) {
				killed++
			} else {
				finished++
			}
			if _, err := os.Stat(filepath.Join(dir, "checkpoint.json")); err == nil {
				checkpoints++
			}
		}
		succeed(t, "train", path, "--out", dir, "--resume", "-q")
		same(t, hashes(t, dir), want)
	}
	t.Logf("an undisturbed run took %v; killed %d times; %d times there was a checkpoint, %d times the run was over", whole, killed, checkpoints, finished)
	if killed < runs*kills/3 {
		t.Errorf("killed %d of %d times: the test shows too little", killed, runs*kills)
	}
}

// What a kill in the first moments can leave behind is taken for a new run.
func TestKilledBeforeTheFirstCheckpoint(t *testing.T) {
	path := elsewhere(t, "figure-3b.yaml")[0]
	succeed(t, "train", path, "--out", "undisturbed", "-q")
	want := hashes(t, "undisturbed")
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("undisturbed", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	spec, trace, checkpoint := read("spec.yaml"), read("trace.csv"), read("checkpoint.json")
	for name, left := range map[string]map[string][]byte{
		"nothing":           {},
		"half a spec":       {"spec.yaml.tmp": spec[:10]},
		"a spec":            {"spec.yaml": spec},
		"half a trace":      {"spec.yaml": spec, "trace.csv": trace[:len(trace)/2], "timing.csv": nil},
		"half a checkpoint": {"spec.yaml": spec, "trace.csv": trace, "timing.csv": nil, "checkpoint.json.tmp": checkpoint[:len(checkpoint)/2]},
	} {
		dir := filepath.Join("left", name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for file, data := range left {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		succeed(t, "train", path, "--out", dir, "--resume", "-q")
		t.Run(name, func(t *testing.T) { same(t, hashes(t, dir), want) })
	}
}

// Ctrl-C ends a run in order: it says how to go on, and going on ends with the
// same bits.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	path := slow(t)
	t.Chdir(t.TempDir())
	succeed(t, "train", path, "--out", "undisturbed", "-q")
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		var stderr bytes.Buffer
		dir := "interrupted-" + s.String()
		cmd := program(t, &stderr, "train", path, "--out", dir, "-q")
		for { // until it has begun
			if _, err := os.Stat(filepath.Join(dir, "trace.csv")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		interrupt(t, cmd, s, 5*time.Millisecond)
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%v: exit %d", s, code)
		}
		if want := "metalqr: interrupted; to go on: metalqr train " + shell(path) + " --out " + dir + " --resume\n"; stderr.String() != want {
			t.Errorf("%v: %q, want %q", s, stderr.String(), want)
		}
		if _, err := os.Stat(filepath.Join(dir, "checkpoint.json")); err != nil {
			t.Error(err)
		}
		succeed(t, "train", path, "--out", dir, "--resume", "-q")
		same(t, hashes(t, dir), hashes(t, "undisturbed"))
	}
}
