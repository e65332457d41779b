"""The report as one HTML page, section by section; `page.render_page` draws it whole."""
