// Package report draws the figures of a meta-learning study, in one house style,
// as SVG, PNG or PDF.
//
// A [Figure] is a list of [Panel]s; a Panel is a pair of axes and the things drawn
// over them: curves, bands, marked points, horizontal levels, rugs along the axis,
// slope triangles. All of it is plain data. [Landscape] composes the panel that this
// project draws most often, the meta-objective over a scalar gain, and its
// minimisers.
//
//	fig := report.Figure{Panels: []report.Panel{{
//		X:      report.Axis{Label: "inner rate 𝜂", Log: true},
//		Y:      report.Axis{Label: "gap", Log: true},
//		Curves: []report.Curve{{Label: "measured", X: eta, Y: gap}},
//	}}}
//	err := fig.Save("gap.pdf")
//
// # What the style promises
//
//   - Sizes are those of print: a column is 88 mm wide, a page 180 mm, text is 7 to
//     8.5 points in either. Nothing is scaled to fit.
//   - Colours are those of Okabe and Ito, distinguishable with any colour vision;
//     line patterns and marker shapes repeat the distinction for grey printing.
//   - A label never overlaps another label, a marker or the frame, and keeps off the
//     curves where it can. A label for which there is no such place is left out, and
//     the figure says below the axes how many were.
//   - The same data give the same bytes: no clock, no random identifiers.
//
// # Text
//
// Labels are Unicode, in Liberation Sans, which is carried along: SVG and PNG hold
// outlines, PDF embeds the glyphs used, so that no reader needs the font. Variables
// are written with the mathematical italic letters of Unicode (𝑤, ℎ, 𝜂, 𝐶), scripts
// with its superscripts and subscripts (10⁻³, 𝜆ᵢ, 𝐶ᵢ⋆). There is no markup, hence
// nothing in a task's name that needs escaping.
//
// # Data that cannot be drawn
//
// A NaN, an infinity, or on a logarithmic axis a number that is not positive, breaks
// a curve in two. Panels without any finite point, slices of unequal length and
// empty windows are errors, which say where.
package report
