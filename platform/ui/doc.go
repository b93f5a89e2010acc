// Package ui is what all hosted pages share: layout, components, assets, headers,
// languages and forms. Pages are html/template on a strict content policy; they work
// without JavaScript, and htmx only makes them smoother.
//
// A room embeds its pages and catalogues, parses them once, and renders:
//
//	//go:embed pages
//	var files embed.FS
//
//	pages, err := kit.Pages(files, files)          // pages/*.html, pages/en.json, pages/zh-Hant-HK.json
//	mux.Handle("/sign-in", kit.Guard(handler))     // behind Guard: parsed, same origin, one value a name
//	pages.Render(w, r, "sign-in", ui.View{Title: "sign_in.title", Brand: brand, Form: form})
//
// and pages/sign-in.html is the content of the card:
//
//	<h1>{{t "sign_in.title"}}</h1>
//	<form class="form" method="post" novalidate>
//	{{errors .Form}}
//	{{field .Form "email" "label" "sign_in.email" "type" "email" "autocomplete" "username"}}
//	{{button "sign_in.continue" "full" true}}
//	</form>
//
// What must be true:
//
//   - Nothing is inline: no style, no script, no event attribute. The policy would
//     block it, and the browser test (uitest.Audit) fails on one violation.
//   - All text is in both catalogues. A key that a template names and a catalogue
//     lacks fails Pages, at start.
//   - A platform's colours reach a page only through paletteOf, which corrects them
//     until text on and in them has a contrast of 4.5:1.
//   - A page is never cached and never framed, and sends no referrer: URLs hold tokens.
package ui
