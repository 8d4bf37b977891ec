/** The Worker's file of a bundle. */
import '@kvm/core/worker';
