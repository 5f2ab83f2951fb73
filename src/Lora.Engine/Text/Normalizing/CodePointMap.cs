namespace Lora.Text;

/// <summary>A value for each code point, most of them the default.</summary>
internal sealed class CodePointMap<T>
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly T[]?[] pages = new T[]?[0x110000 / PageSize];

    public T? this[int codePoint]
    {
        get => pages[codePoint >> PageBits] is T[] page ? page[codePoint & (PageSize - 1)] : default;
        set => (pages[codePoint >> PageBits] ??= new T[PageSize])[codePoint & (PageSize - 1)] = value!;
    }
}
