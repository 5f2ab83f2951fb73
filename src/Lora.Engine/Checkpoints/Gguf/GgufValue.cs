namespace Lora.Checkpoints;

/// <summary>An entry of a GGUF file's metadata.</summary>
/// <param name="Key">Its key, dotted: <c>general.architecture</c>.</param>
/// <param name="Value">Its value.</param>
internal sealed record GgufField(string Key, GgufValue Value);

/// <summary>A value of a GGUF file's metadata: a number, a truth value, a text, or an array of such.</summary>
internal sealed class GgufValue
{
    private static readonly Dictionary<Type, GgufValueType> Types = new()
    {
        [typeof(byte)] = GgufValueType.U8,
        [typeof(sbyte)] = GgufValueType.I8,
        [typeof(ushort)] = GgufValueType.U16,
        [typeof(short)] = GgufValueType.I16,
        [typeof(uint)] = GgufValueType.U32,
        [typeof(int)] = GgufValueType.I32,
        [typeof(float)] = GgufValueType.F32,
        [typeof(bool)] = GgufValueType.Bool,
        [typeof(string)] = GgufValueType.Text,
        [typeof(ulong)] = GgufValueType.U64,
        [typeof(long)] = GgufValueType.I64,
        [typeof(double)] = GgufValueType.F64,
    };

    private GgufValue(GgufValueType type, GgufValueType? element, object content)
    {
        Type = type;
        ElementType = element;
        Content = content;
    }

    /// <summary>The format's type.</summary>
    public GgufValueType Type { get; }

    /// <summary>The type of an array's elements; null for what is no array.</summary>
    public GgufValueType? ElementType { get; }

    /// <summary>The value in .NET's type: <see cref="uint"/> for U32, <see cref="string"/> for Text, <c>float[]</c> for an array of F32.</summary>
    public object Content { get; }

    /// <summary>The text; null for what is none.</summary>
    public string? Text => Content as string;

    /// <summary>The number, of whatever type it is; null for what is none.</summary>
    public double? Number => Content is IConvertible number and not (string or bool) ? number.ToDouble(null) : null;

    /// <summary>A value of a type that <see cref="GgufValueType"/> has.</summary>
    public static GgufValue Of<T>(T value)
        where T : notnull => new(Types[typeof(T)], null, value);

    /// <summary>An array of values of a type that <see cref="GgufValueType"/> has.</summary>
    public static GgufValue OfArray<T>(IEnumerable<T> values)
        where T : notnull => new(GgufValueType.Array, Types[typeof(T)], values.ToArray());

    /// <inheritdoc/>
    public override string ToString() => Content is Array array ? $"{ElementType}[{array.Length}]" : $"{Content}";
}
