using System.Xml.Linq;

namespace Lora.Tools.Help;

/// <summary>Writes pages as MAML, the XML that Get-Help reads.</summary>
public static class MamlWriter
{
    private static readonly XNamespace Items = "http://msh";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    /// <summary>One document for all cmdlets of the assembly.</summary>
    public static XDocument Write(IEnumerable<HelpPage> pages) => new(
        new XDeclaration("1.0", "utf-8", null),
        new XElement(Items + "helpItems", new XAttribute("schema", "maml"), pages.Select(Page)));

    private static XElement Page(HelpPage page) => new(
        Command + "command",
        new XAttribute(XNamespace.Xmlns + "maml", Maml),
        new XAttribute(XNamespace.Xmlns + "command", Command),
        new XAttribute(XNamespace.Xmlns + "dev", Dev),
        new XElement(
            Command + "details",
            new XElement(Command + "name", page.Name),
            new XElement(Command + "verb", page.Name.Split('-')[0]),
            new XElement(Command + "noun", page.Name.Split('-')[^1]),
            Description(page.Synopsis)),
        Description(page.Description),
        new XElement(Command + "syntax", page.Syntax.Select(syntax => Syntax(page, syntax))),
        new XElement(Command + "parameters", page.Parameters.Select(parameter => Parameter(parameter, parameter.Facts.IsRequired, parameter.Facts.Position))),
        new XElement(Command + "inputTypes", page.Inputs.Select(type => new XElement(Command + "inputType", Type(type.Name), Description(type.Text)))),
        new XElement(Command + "returnValues", page.Outputs.Select(type => new XElement(Command + "returnValue", Type(type.Name), Description(type.Text)))),
        new XElement(Maml + "alertSet", new XElement(Maml + "alert", Paragraphs(page.Notes))),
        new XElement(Command + "examples", page.Examples.Select(Example)),
        new XElement(Command + "relatedLinks", page.Links.Select(Link)));

    private static XElement Syntax(HelpPage page, HelpSyntax syntax)
    {
        IReadOnlyList<SyntaxParameter> parameters = SyntaxParameter.Parse(syntax.Line);
        string[] positional = [.. parameters.Where(parameter => parameter.IsPositional).Select(parameter => parameter.Name)];
        return new(Command + "syntaxItem", new XElement(Maml + "name", page.Name), parameters.Select(parameter =>
        {
            HelpParameter described = page.Parameters.FirstOrDefault(candidate => candidate.Name == parameter.Name)
                ?? throw new FormatException($"the syntax has the parameter '-{parameter.Name}', which is not described");
            int position = Array.IndexOf(positional, parameter.Name);
            return Parameter(described, parameter.IsRequired, position < 0 ? "Named" : $"{position}");
        }));
    }

    private static XElement Parameter(HelpParameter parameter, bool required, string position)
    {
        HelpParameterFacts facts = parameter.Facts;
        return new(
            Command + "parameter",
            new XAttribute("required", required ? "true" : "false"),
            new XAttribute("variableLength", facts.Type.EndsWith("[]", StringComparison.Ordinal) ? "true" : "false"),
            new XAttribute("globbing", facts.AcceptsWildcards ? "true" : "false"),
            new XAttribute("pipelineInput", facts.PipelineInput),
            new XAttribute("position", position),
            new XAttribute("aliases", facts.Aliases.Count == 0 ? "none" : string.Join(", ", facts.Aliases)),
            new XElement(Maml + "name", parameter.Name),
            Description(parameter.Description),
            facts.Type == "SwitchParameter" ? null : new XElement(Command + "parameterValue", new XAttribute("required", "true"), facts.Type),
            Type(facts.Type),
            new XElement(Dev + "defaultValue", facts.Default));
    }

    private static XElement Example(HelpExample example) => new(
        Command + "example",
        new XElement(Maml + "title", $"---------- {example.Title} ----------"),
        new XElement(Dev + "code", example.Code),
        // The empty paragraph keeps the next title apart.
        new XElement(Dev + "remarks", Paragraphs(example.Remarks), new XElement(Maml + "para")));

    private static XElement Link(HelpLink link) =>
        new(Maml + "navigationLink", new XElement(Maml + "linkText", link.Text), new XElement(Maml + "uri", link.Address));

    private static XElement Type(string name) => new(Dev + "type", new XElement(Maml + "name", name), new XElement(Maml + "uri"));

    private static XElement Description(string markdown) => new(Maml + "description", Paragraphs(markdown));

    private static IEnumerable<XElement> Paragraphs(string markdown) =>
        HelpText.Paragraphs(markdown).Select(paragraph => new XElement(Maml + "para", string.Join('\n', paragraph.Lines)));
}
