/*
 * From 0.192 on, Debian's static libelf calls these functions of elfutils' lib/eu-search.c, which no package has. They
 * are the C library's search trees below the first member of a struct; the lock behind it is only there in a build with
 * USE_LOCKS, which Debian's is not. Weak, so that a libelf that brings its own is linked with those.
 */
#define _GNU_SOURCE
#include <search.h>
#include <stddef.h>

struct search_tree {
	void *root;
};

typedef int comparison(const void *, const void *);

void *eu_tsearch(const void *key, struct search_tree *tree, comparison *compare);
void *eu_tdelete(const void *key, struct search_tree *tree, comparison *compare);
void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *));

__attribute__((weak)) void *eu_tsearch(const void *key, struct search_tree *tree, comparison *compare)
{
	return tsearch(key, &tree->root, compare);
}

__attribute__((weak)) void *eu_tdelete(const void *key, struct search_tree *tree, comparison *compare)
{
	return tdelete(key, &tree->root, compare);
}

__attribute__((weak)) void eu_search_tree_init(struct search_tree *tree)
{
	tree->root = NULL;
}

__attribute__((weak)) void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *))
{
	tdestroy(tree->root, free_node);
	tree->root = NULL;
}
