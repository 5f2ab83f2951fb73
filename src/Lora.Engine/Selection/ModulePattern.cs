using Microsoft.Extensions.FileSystemGlobbing.Internal;
using Microsoft.Extensions.FileSystemGlobbing.Internal.PathSegments;
using Microsoft.Extensions.FileSystemGlobbing.Internal.Patterns;

namespace Lora.Selection;

/// <summary>
/// A glob over dotted module names: FileSystemGlobbing's patterns with <c>.</c> as the separator. <c>*</c> stands for any text inside
/// one part, <c>**</c> for any number of parts. A pattern without a dot is matched with the last part (<c>*_proj</c>), one with a dot
/// with the whole name (<c>model.layers.*.mlp.*</c>, <c>**.11.**</c>), one that starts with <c>/</c> with the whole name too
/// (<c>/proj_out</c> is the module at the root only). <c>x.**</c> is x and everything below it. Case is ignored.
/// </summary>
/// <remarks>
/// FileSystemGlobbing parses the pattern and compares the parts; its walk over directories is left out, because it takes
/// microseconds a name where this takes a fraction of one. It differs in one thing: there, <c>x/**</c> leaves out x itself.
/// </remarks>
public sealed class ModulePattern
{
    private readonly IPathSegment[] segments;

    private ModulePattern(string text, IPathSegment[] segments)
    {
        Text = text;
        this.segments = segments;
    }

    /// <summary>The pattern as it was given.</summary>
    public string Text { get; }

    /// <summary>Makes a pattern.</summary>
    /// <exception cref="LoraException">The pattern is empty, has an empty part or uses what globs over modules do not have.</exception>
    public static ModulePattern Parse(string text)
    {
        LoraException.ThrowIfAny(Problems(text));
        string path = text.Replace('.', '/');
        string rooted = path.Contains('/') ? path : "**/" + path;
        return new(text, Segments(new PatternBuilder(StringComparison.OrdinalIgnoreCase).Build(rooted)));
    }

    /// <summary>True when the pattern matches a module's dotted name.</summary>
    public bool IsMatch(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsMatch(name.Split('.'));
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>What is wrong with a pattern: one problem or none.</summary>
    internal static LoraProblem[] Problems(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string name = text.StartsWith('/') ? text[1..] : text;
        string? reason = string.IsNullOrWhiteSpace(name) ? "it is empty"
            : name.AsSpan().ContainsAny('/', '\\') ? "a dot separates parts; a slash stands only at the start, for the root"
            // FileSystemGlobbing would take these for themselves, and no module's name has them: the pattern would find nothing and nobody would know why.
            : name.AsSpan().ContainsAny('?', '[', ']') ? "* and ** are the only wildcards"
            : name.Split('.').Contains("") ? "a part between dots is empty"
            : null;
        return reason is null ? [] : [new(LoraError.PatternInvalid, text, text, reason)];
    }

    /// <summary>As <see cref="IsMatch(string)"/>, for a name that is split into its parts.</summary>
    internal bool IsMatch(ReadOnlySpan<string> parts)
    {
        int part = 0;
        int segment = 0;
        int afterStars = -1;
        int resume = 0;
        while (part < parts.Length)
        {
            if (segment < segments.Length && segments[segment] is RecursiveWildcardSegment)
            {
                afterStars = ++segment;
                resume = part;
            }
            else if (segment < segments.Length && segments[segment].Match(parts[part]))
            {
                segment++;
                part++;
            }
            else if (afterStars >= 0)
            {
                // The last ** takes one part more.
                segment = afterStars;
                part = ++resume;
            }
            else
            {
                return false;
            }
        }

        while (segment < segments.Length && segments[segment] is RecursiveWildcardSegment)
        {
            segment++;
        }

        return segment == segments.Length;
    }

    private static IPathSegment[] Segments(IPattern pattern) => pattern switch
    {
        ILinearPattern linear => [.. linear.Segments],
        IRaggedPattern ragged => [.. ragged.Segments],
        _ => throw new NotSupportedException($"FileSystemGlobbing made a pattern of the unknown type {pattern.GetType()}."),
    };
}
