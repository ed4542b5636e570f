/** Starts the shell, which loads the page of the address. */

import {applyTheme} from '../lib/preferences.js';
import './app-shell.js';
import './sign-in.js';

applyTheme();
