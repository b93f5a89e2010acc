// Package chart draws numbers as SVG: areas, bars, and money that flows from those
// who pay to those who are paid. Charts are pure functions of integers.
//
// What must be true:
//
//   - No floating point: what is drawn are amounts of money.
//   - No inline style: colours are classes, their values tokens of the stylesheet.
//   - A picture has a title and a description, and says its numbers on hover. The page
//     shows the same numbers as a table; Table makes it.
package chart
