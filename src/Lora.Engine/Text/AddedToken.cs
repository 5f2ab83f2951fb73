using System.Text.Json;

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
    public static AddedToken Read(TokenizerNode node) => ReadNamed(node, node.Number("id"), node.Flag("special"));

    /// <summary>A token without any of the peculiarities; a special one is sought in the raw text.</summary>
    public static AddedToken Plain(int id, string content, bool special) =>
        new(id, content, SingleWord: false, StripLeft: false, StripRight: false, Normalized: !special, special);

    /// <summary>A token of tokenizer_config.json or special_tokens_map.json, which is its content or an object.</summary>
    /// <param name="node">The token.</param>
    /// <param name="id">Its id.</param>
    /// <param name="isSpecial">Whether it is special though it does not say so.</param>
    public static AddedToken ReadNamed(TokenizerNode node, int id, bool isSpecial = true)
    {
        if (node.Element.ValueKind == JsonValueKind.String)
        {
            return Plain(id, node.Text(), isSpecial);
        }

        bool special = isSpecial || node.Flag("special");
        return new(
            id,
            node.Text("content"),
            node.Flag("single_word"),
            node.Flag("lstrip"),
            node.Flag("rstrip"),
            // The reference library's default: a control token is sought before a normalizer could change its letters.
            node.Flag("normalized", absent: !special),
            special);
    }
}
