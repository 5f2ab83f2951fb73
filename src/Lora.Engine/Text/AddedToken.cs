namespace Lora.Text;

/// <summary>A token that is found in the text as it stands, before the model sees the text.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Content">The characters that stand for it.</param>
/// <param name="SingleWord">Not found inside a word.</param>
/// <param name="StripLeft">Takes the white space before it along.</param>
/// <param name="StripRight">Takes the white space after it along.</param>
/// <param name="Normalized">Sought in the normalized text instead of the raw one.</param>
/// <param name="Special">Left out of decoded text on demand: a control token such as the end of a sequence.</param>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized, bool Special)
{
    public static AddedToken Read(TokenizerNode node)
    {
        bool special = node.Flag("special");
        return new(
            node.Number("id"),
            node.Text("content"),
            node.Flag("single_word"),
            node.Flag("lstrip"),
            node.Flag("rstrip"),
            node.Flag("normalized", absent: !special),
            special);
    }
}
