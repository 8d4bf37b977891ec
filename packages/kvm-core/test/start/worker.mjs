/** The Worker's file of a program that brings its own. */
import '../../dist/threads/worker.js';
