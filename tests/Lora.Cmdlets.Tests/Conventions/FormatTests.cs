using System.Xml.Linq;

namespace Lora.Commands.Tests.Conventions;

public sealed class FormatTests
{
    private const int MostColumns = 5;

    private readonly XDocument format = XDocument.Load(Path.Combine(Repository.Root, "Lora.Format.ps1xml"));

    [Fact]
    public void Tables_have_at_most_five_columns_and_a_value_for_each() => Assert.All(format.Descendants("TableControl"), table =>
    {
        int headers = table.Descendants("TableColumnHeader").Count();
        Assert.InRange(headers, 1, MostColumns);
        Assert.Equal(headers, table.Descendants("TableColumnItem").Count());
    });

    [Fact]
    public void The_types_that_it_formats_and_their_properties_exist() => Assert.All(format.Descendants("View"), view =>
    {
        Type? type = typeof(LoraModuleInfo).Assembly.GetType(view.Descendants("TypeName").Single().Value);
        Assert.NotNull(type);
        Assert.All(view.Descendants("PropertyName"), property => Assert.NotNull(type.GetProperty(property.Value)));
    });
}
