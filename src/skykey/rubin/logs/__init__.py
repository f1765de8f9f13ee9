"""The observatory's logs: narrative log, exposure log, night reports.

`services` says what each of them has and can be asked, `parameters` reads what users give, `times` their clocks,
`paging` gets all pages without gap or double, `asking` and `writing` speak to the service, `columns` makes tables. On
these stand `narrative`, `exposure` and `night_report` (with `night_html`), one flow of a method each.
"""
