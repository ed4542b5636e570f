/** Defines the elements and starts the page. */

import {FacetList} from './facet-list.js';
import {FilterBar} from './filter-bar.js';
import {FirstRecord} from './first-record.js';
import {LogBrowser} from './log-browser.js';
import {applyTheme} from './preferences.js';
import {RecordDetail} from './record-detail.js';
import {RecordList} from './record-list.js';
import {RecordTimeline} from './record-timeline.js';
import {SearchBox} from './search-box.js';
import {SignIn} from './sign-in.js';
import {StatusLine} from './status-line.js';
import {TimeRange} from './time-range.js';

applyTheme();
customElements.define('facet-list', FacetList);
customElements.define('filter-bar', FilterBar);
customElements.define('first-record', FirstRecord);
customElements.define('record-detail', RecordDetail);
customElements.define('record-list', RecordList);
customElements.define('record-timeline', RecordTimeline);
customElements.define('search-box', SearchBox);
customElements.define('sign-in', SignIn);
customElements.define('status-line', StatusLine);
customElements.define('time-range', TimeRange);
customElements.define('log-browser', LogBrowser);
