package report

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/vector"
)

// png draws the page at dpi dots per inch, on white.
func (s *scene) png(dpi float64) ([]byte, error) {
	k := dpi / 72
	w, h := int(math.Round(s.width*k)), int(math.Round(s.height*k))
	c := &canvas{scale: k, img: image.NewRGBA(image.Rect(0, 0, w, h)), raster: vector.NewRasterizer(1, 1)}
	draw.Draw(c.img, c.img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, it := range s.items {
		if it.text != nil {
			c.text(it.text)
			continue
		}
		if it.fill.A > 0 {
			c.fill(it.fill, it.path)
		}
		if it.stroke.width > 0 {
			c.fill(it.stroke.color, outlines(it.path, it.stroke)...)
		}
	}
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, c.img); err != nil {
		return nil, err
	}
	// A file without the pHYs chunk is taken to be 72 or 96 dpi: say what it is.
	return withResolution(b.Bytes(), dpi), nil
}

type canvas struct {
	scale  float64
	img    *image.RGBA
	raster *vector.Rasterizer
	origin image.Point // of the raster in the image
}

// fill paints the union of paths, each of which winds round what it covers.
func (c *canvas) fill(col color.NRGBA, paths ...path) {
	bounds := emptyRect
	for _, p := range paths {
		bounds = bounds.hold(p, identity)
	}
	c.paint(bounds, col, func() {
		for _, p := range paths {
			if area(p) < 0 {
				p = reversed(p)
			}
			c.add(p, identity)
		}
	})
}

func (c *canvas) text(t *textAt) {
	shapes := make([]path, len(t.line.glyphs))
	bounds := emptyRect
	for i, g := range t.line.glyphs {
		shapes[i] = outline(g.face, g.id)
		bounds = bounds.hold(shapes[i], t.place(g))
	}
	c.paint(bounds, t.color, func() {
		for i, g := range t.line.glyphs {
			c.add(shapes[i], t.place(g))
		}
	})
}

// paint rasterises what add is called with, which lies in bounds, and there only.
func (c *canvas) paint(bounds rect, col color.NRGBA, add func()) {
	r := image.Rect(
		int(math.Floor(bounds.x0*c.scale)), int(math.Floor(bounds.y0*c.scale)),
		int(math.Ceil(bounds.x1*c.scale)), int(math.Ceil(bounds.y1*c.scale)),
	).Intersect(c.img.Rect)
	if r.Empty() {
		return
	}
	c.origin = r.Min
	c.raster.Reset(r.Dx(), r.Dy())
	add()
	c.raster.Draw(c.img, r, image.NewUniform(col), image.Point{})
}

func (c *canvas) add(p path, m matrix) {
	at := func(q pt) (float32, float32) {
		q = m.apply(q).times(c.scale)
		return float32(q.x - float64(c.origin.X)), float32(q.y - float64(c.origin.Y))
	}
	for _, s := range p {
		x, y := at(s.p[0])
		switch s.op {
		case 'M':
			c.raster.MoveTo(x, y)
		case 'L':
			c.raster.LineTo(x, y)
		case 'Q':
			u, v := at(s.p[1])
			c.raster.QuadTo(x, y, u, v)
		case 'C':
			u, v := at(s.p[1])
			r, q := at(s.p[2])
			c.raster.CubeTo(x, y, u, v, r, q)
		case 'Z':
			c.raster.ClosePath()
		}
	}
}

// area is twice the signed area of the polygon through the end points of p: its sign
// is the sense in which p winds. A ring's outer side outweighs its hole.
func area(p path) float64 {
	var sum float64
	var start, last pt
	for _, s := range p {
		switch n := s.points(); {
		case s.op == 'M':
			start, last = s.p[0], s.p[0]
		case n == 0:
			sum += last.x*start.y - last.y*start.x
			last = start
		default:
			q := s.p[n-1]
			sum += last.x*q.y - last.y*q.x
			last = q
		}
	}
	return sum
}

// reversed winds straight-sided closed paths the other way. Curved ones, which are
// circles, are returned as they are: each is painted alone.
func reversed(p path) path {
	var out path
	var ring []pt
	for _, s := range p {
		switch s.op {
		case 'M', 'L':
			ring = append(ring, s.p[0])
		case 'Z':
			for i, j := 0, len(ring)-1; i < j; i, j = i+1, j-1 {
				ring[i], ring[j] = ring[j], ring[i]
			}
			out = append(out, polygon(ring...)...)
			ring = nil
		default:
			return p
		}
	}
	return out
}
