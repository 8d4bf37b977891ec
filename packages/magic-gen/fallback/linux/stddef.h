#ifndef MAGIC_GEN_LINUX_STDDEF_H
#define MAGIC_GEN_LINUX_STDDEF_H

#define __struct_group(TAG, NAME, ATTRIBUTES, MEMBERS...) \
	union { \
		struct { MEMBERS } ATTRIBUTES; \
		struct TAG { MEMBERS } ATTRIBUTES NAME; \
	} ATTRIBUTES
#define __DECLARE_FLEX_ARRAY(TYPE, NAME) \
	struct { \
		struct { } __empty_##NAME; \
		TYPE NAME[]; \
	}
#define __counted_by(MEMBER)
#define __counted_by_le(MEMBER)
#define __counted_by_be(MEMBER)
#define __counted_by_ptr(MEMBER)

#endif
