package risk

import (
	"testing"

	"github.com/metalqr/metalqr/objective"
)

func BenchmarkRisk(b *testing.B) {
	const n, p = 100_000, 20
	line := try(Lines{Rows: n, Features: p, Noise: 1, Seed: 1}.Task(0))(b)
	two := try(Blobs{Rows: n, Features: p, Apart: 0.3, Seed: 1}.Task(0))(b)
	ten := try(Blobs{Rows: n, Features: p, Classes: 10, Apart: 0.3, Seed: 1}.Task(0))(b)
	for _, c := range []named{
		{"ridge", Regression{L2: 0.1, Bias: Free}, line},
		{"logistic", Logistic{L2: 0.1, Bias: Free}, two},
		{"softmax-2", Softmax{Classes: 2, L2: 0.1, Bias: Free}, two},
		{"softmax-10", Softmax{Classes: 10, L2: 0.1, Bias: Free}, ten},
		{"clusters-3", KMeans{Centers: 3, Temperature: 10}, ten},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.Run("build", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					try(c.model.On(c.data))(b)
				}
			})
			o := try(c.model.On(c.data))(b)
			x, v, dst := normal(1, o.Dim(), 0.3), normal(2, o.Dim(), 1), make([]float64, o.Dim())
			b.Run("at", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if p := try(o.At(x))(b); !(p.Value() > 0) {
						b.Fatal(p.Value())
					}
				}
			})
			at := try(o.At(x))(b).(objective.Point3)
			b.Run("hessvec", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					at.HessVec(dst, v)
				}
			})
			b.Run("third", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					at.Third(dst, v, v)
				}
			})
		})
	}
}

func BenchmarkParseCSV(b *testing.B) {
	var file []byte
	for range 10_000 {
		file = append(file, "0.12345,-6.789,3.14159,2.71828,1e-5,1\n"...)
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		try(Parse("x", file))(b)
	}
}
