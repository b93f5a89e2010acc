package ui

import "strings"

// colour is sRGB. The arithmetic is in integers: luminance in millionths.
type colour struct{ r, g, b uint8 }

var (
	white = colour{255, 255, 255}
	black = colour{}
)

// parseColour reads "#0b7a6b" or "0b7a6b", and nothing else.
func parseColour(s string) (colour, bool) {
	s = strings.TrimPrefix(s, "#")
	if len(s) != 6 {
		return colour{}, false
	}
	var parts [6]uint8
	for i := range parts {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			parts[i] = c - '0'
		case 'a' <= c && c <= 'f':
			parts[i] = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			parts[i] = c - 'A' + 10
		default:
			return colour{}, false
		}
	}
	return colour{parts[0]<<4 | parts[1], parts[2]<<4 | parts[3], parts[4]<<4 | parts[5]}, true
}

const hexDigits = "0123456789abcdef"

func (c colour) hex() string {
	return string([]byte{hexDigits[c.r>>4], hexDigits[c.r&15], hexDigits[c.g>>4], hexDigits[c.g&15], hexDigits[c.b>>4], hexDigits[c.b&15]})
}

func (c colour) css() string { return "#" + c.hex() }

// luminance is WCAG's relative luminance in millionths.
func (c colour) luminance() int {
	return (2126*linear[c.r] + 7152*linear[c.g] + 722*linear[c.b]) / 10_000
}

// ratio is WCAG's contrast of two colours in hundredths, rounded down: 450 is AA for text.
func ratio(a, b colour) int {
	la, lb := a.luminance(), b.luminance()
	if la < lb {
		la, lb = lb, la
	}
	return 100 * (la + 50_000) / (lb + 50_000)
}

// mix is percent of the way from c to d.
func (c colour) mix(d colour, percent int) colour {
	part := func(a, b uint8) uint8 { return uint8((int(a)*(100-percent) + int(b)*percent + 50) / 100) }
	return colour{part(c.r, d.r), part(c.g, d.g), part(c.b, d.b)}
}

// until moves c towards an end in small steps until it is fine. The ends are black
// and white, one of which satisfies every rule here.
func (c colour) until(end colour, fine func(colour) bool) colour {
	for percent := 0; percent < 100; percent += 2 {
		if d := c.mix(end, percent); fine(d) {
			return d
		}
	}
	return end
}

// linear is the light of each sRGB value in millionths: the inverse of its gamma curve.
var linear = [256]int{
	0, 304, 607, 911, 1214, 1518, 1821, 2125, 2428, 2732, 3035, 3347, 3677, 4025, 4391, 4777,
	5182, 5605, 6049, 6512, 6995, 7499, 8023, 8568, 9134, 9721, 10330, 10960, 11612, 12286, 12983, 13702,
	14444, 15209, 15996, 16807, 17642, 18500, 19382, 20289, 21219, 22174, 23153, 24158, 25187, 26241, 27321, 28426,
	29557, 30713, 31896, 33105, 34340, 35601, 36889, 38204, 39546, 40915, 42311, 43735, 45186, 46665, 48172, 49707,
	51269, 52861, 54480, 56128, 57805, 59511, 61246, 63010, 64803, 66626, 68478, 70360, 72272, 74214, 76185, 78187,
	80220, 82283, 84376, 86500, 88656, 90842, 93059, 95307, 97587, 99899, 102242, 104616, 107023, 109462, 111932, 114435,
	116971, 119538, 122139, 124772, 127438, 130136, 132868, 135633, 138432, 141263, 144128, 147027, 149960, 152926, 155926, 158961,
	162029, 165132, 168269, 171441, 174647, 177888, 181164, 184475, 187821, 191202, 194618, 198069, 201556, 205079, 208637, 212231,
	215861, 219526, 223228, 226966, 230740, 234551, 238398, 242281, 246201, 250158, 254152, 258183, 262251, 266356, 270498, 274677,
	278894, 283149, 287441, 291771, 296138, 300544, 304987, 309469, 313989, 318547, 323143, 327778, 332452, 337164, 341914, 346704,
	351533, 356400, 361307, 366253, 371238, 376262, 381326, 386429, 391572, 396755, 401978, 407240, 412543, 417885, 423268, 428690,
	434154, 439657, 445201, 450786, 456411, 462077, 467784, 473531, 479320, 485150, 491021, 496933, 502886, 508881, 514918, 520996,
	527115, 533276, 539479, 545724, 552011, 558340, 564712, 571125, 577580, 584078, 590619, 597202, 603827, 610496, 617207, 623960,
	630757, 637597, 644480, 651406, 658375, 665387, 672443, 679542, 686685, 693872, 701102, 708376, 715694, 723055, 730461, 737910,
	745404, 752942, 760525, 768151, 775822, 783538, 791298, 799103, 806952, 814847, 822786, 830770, 838799, 846873, 854993, 863157,
	871367, 879622, 887923, 896269, 904661, 913099, 921582, 930111, 938686, 947307, 955973, 964686, 973445, 982251, 991102, 1000000,
}
