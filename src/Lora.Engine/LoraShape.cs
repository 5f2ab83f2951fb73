using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;

namespace Lora;

/// <summary>The extents of a tensor, row-major. Its text, and so a table's or a CSV file's, is <c>49152 x 576</c>.</summary>
/// <param name="extents">The extents.</param>
[CollectionBuilder(typeof(LoraLists), nameof(LoraLists.Shape))]
public sealed class LoraShape(IList<long> extents) : ReadOnlyCollection<long>(extents)
{
    /// <inheritdoc/>
    public override string ToString() => string.Join(" x ", this);
}

/// <summary>Objects that are read and never changed. Its text, and so a table's or a CSV file's, names each.</summary>
/// <param name="items">The objects.</param>
/// <typeparam name="T">Their type.</typeparam>
[CollectionBuilder(typeof(LoraLists), nameof(LoraLists.List))]
public sealed class LoraList<T>(IList<T> items) : ReadOnlyCollection<T>(items)
{
    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", this);
}

/// <summary>Makes the lists that collection expressions ask for.</summary>
public static class LoraLists
{
    /// <summary>A shape of its extents.</summary>
    public static LoraShape Shape(ReadOnlySpan<long> extents) => new(extents.ToArray());

    /// <summary>A list of its objects.</summary>
    public static LoraList<T> List<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}
